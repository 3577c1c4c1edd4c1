"""Boatyard runs AWS's bring-your-own-algorithm delivery pipeline for real on one machine."""

__version__ = "0.1.0"
