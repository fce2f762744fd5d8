"""The actor runtime: mailboxes, dispatchers and supervision behind Pykka's API."""
