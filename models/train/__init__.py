"""Recipes that make the models Tonegraft ships: circuit, material, training, export, card.

One command per model: ``models/train/run NAME``. The circuits are solved here, in Python, so
that nobody needs a pedal, a capture or another program to make the same file again.
"""
