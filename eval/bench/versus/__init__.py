"""The same work through us and through Haystack, LlamaIndex and txtai; see README.md."""
