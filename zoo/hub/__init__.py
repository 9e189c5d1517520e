"""The Hugging Face Hub: pull, push and search through one guarded session."""
