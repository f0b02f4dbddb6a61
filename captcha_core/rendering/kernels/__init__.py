"""Compiled parts of the numba engine.

The formulas are those of Pillow 13 (Jeffrey A. Clark and contributors, the Python
Imaging Library by Secret Labs AB and Fredrik Lundh; MIT-CMU licence), followed
operation by operation so that every 8-bit value comes out the same; the code is capq's.
Nothing outside `captcha_core.rendering.numba_engine` imports this package, since it
imports numba.
"""
