"""The row-by-row parts of messages, each in one pass over memory."""
