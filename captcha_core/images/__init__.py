"""Untrusted images: their files, bounded decoding, and pixel arithmetic.

`files` needs neither numpy nor Pillow.
"""
