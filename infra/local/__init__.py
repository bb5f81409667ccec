"""API Gateway in miniature, for any Chalice application with WebSocket handlers.

    python -m infra.local

serves the application of the current directory: REST, WebSocket, the management API and static
files on one port, DynamoDB behind it. Nothing in here knows what the application is about.
"""
