"""What writes candidates: language models behind an endpoint, the local repairer, recorded replies."""
