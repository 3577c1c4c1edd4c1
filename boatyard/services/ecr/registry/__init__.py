"""The OCI distribution protocol: what a client asks at /v2/ and how it is answered."""
