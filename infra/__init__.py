"""What Parley stands on: the stack on AWS, and a gateway in miniature for the desk."""
