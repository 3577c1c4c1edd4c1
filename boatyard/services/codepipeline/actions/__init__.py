"""What each kind of action does, by provider."""
