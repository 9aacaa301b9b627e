"""Fields of text formats (delimited, fixed text, XML, JSON): declared types, and texts turned into values."""
