"""Looking after a data directory as a whole: taking it elsewhere, checking it, keeping it small."""
