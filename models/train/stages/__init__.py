"""Devices learned stage by stage: the schematic's linear parts are known, the others are learned.

A clipping device is a row of stages, each linear but for one part that answers at once: diodes, a
transistor, a triode. Its capacitors and resistors come from the schematic, as a recursion of a few
additions and products a sample; what the part answers is a small learned function of one or two
voltages. This follows the state-space neural models of Parker, Esqueda and
Bergner, "Modelling of nonlinear state-space systems using a deep neural network", DAFx-19, with one
function a part in place of one network for all states: no gradient has to go through time.

* ``steps``: one sample of each stage; ``devices``: the rows; ``arithmetic``: both as numbers and
  wires.
* ``learn``: fits a function; ``staged``: fits all of a device, and plays it; ``filters``: to a
  multiple of the audio rate and back; ``tone``: what follows.
* ``write``: the ONNX file; ``make``: from recipe and material to the file.
"""
