"""Parley on AWS: template.yaml declares what lasts, `python -m infra.aws` does the rest.

The desk and the tests read the template too, for their table.
"""
