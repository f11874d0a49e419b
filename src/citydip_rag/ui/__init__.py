"""The page: a conversation with the documents, every quotation marked where it stands."""
