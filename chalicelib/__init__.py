"""Parley's rooms, and the three rules of the house.

1. Imports point one way: app → wiring → switchboard → { dynamodb, connections, access, ice,
   messages, rest } → signaling → events → ports → rooms. Below the adapters nothing imports boto3,
   chalice or the wire. (import-linter keeps it; settings and journal are leaves that anyone may
   read.)
2. Use cases return what is to be said, as values; only the edge speaks. What came of it goes back
   in once: two rounds at most.
3. A message exists because messages.py says so; everything else about it is derived or
   type-checked.
"""
