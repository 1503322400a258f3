"""Messages and bytes: codecs, compression, envelopes and the limits on their sizes."""
