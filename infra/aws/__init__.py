"""What lasts on AWS: declared in template.yaml, which the desk and the tests read too."""
