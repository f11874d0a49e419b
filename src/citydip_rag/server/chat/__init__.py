"""The engine as a chat server that speaks OpenAI's protocol."""
