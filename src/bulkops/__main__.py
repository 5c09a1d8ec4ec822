"""`python -m bulkops`: the same as the command `bulkops`."""

from bulkops.cli.main import entry

if __name__ == "__main__":
    entry()
