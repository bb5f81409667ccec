"""How a backend of your own lets its users into Parley's rooms: `pip install PyJWT`, and this.

The key is the deployment's: `python -m infra.aws deploy --token-key` makes one, and the item
`secret#issuing` of the table holds it as `id:secret`. Keep it where your other secrets are.
"""

import os
import time

import jwt


def token_for(user: str, room: str) -> str:
    """An hour in one room for a user whom your backend has already recognised."""
    key_id, _, secret = os.environ["PARLEY_TOKEN_KEY"].partition(":")
    now = int(time.time())
    claims = {"sub": user, "rooms": [room], "iat": now, "exp": now + 3600}
    return jwt.encode(claims, secret, algorithm="HS256", headers={"kid": key_id})
