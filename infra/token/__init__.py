"""Tokens for a deployment that asks for them: `python -m infra.token`."""
