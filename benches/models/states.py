"""Makes the past of causal convolutions explicit: inputs and outputs of a graph, for runtimes that have no memory.

A convolution padded by `p` at the front gets the last `p` frames of its input instead. A transposed one whose end is cropped
gets what its last call had cropped, to add to its first frames.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def attribute(node, name, default):
    return next((helper.get_attribute_value(a) for a in node.attribute if a.name == name), default)


def write(path, to):
    """Writes the twin of `path`, if a convolution of it has a past; says whether it did."""
    model = onnx.load(path)
    graph = model.graph
    shapes = {tensor.name: list(tensor.dims) for tensor in graph.initializer}
    nodes, pairs, constants = [], [], {}

    def constant(*values):
        name = "ints_" + "_".join(map(str, values)).replace("-", "m")
        constants[name] = numpy_helper.from_array(np.array(values, dtype=np.int64), name)
        return name

    def slice_(x, begin, end, y):
        nodes.append(helper.make_node("Slice", [x, constant(begin), constant(end), constant(2)], [y]))
        return y

    def replace(node, **changed):
        kept = [a for a in node.attribute if a.name not in changed]
        del node.attribute[:]
        node.attribute.extend(kept + [helper.make_attribute(key, value) for key, value in changed.items()])

    for node in graph.node:
        pads = attribute(node, "pads", [0, 0])
        if node.op_type == "Conv" and pads[0] > 0:
            assert pads[1] == 0, f"{node.output[0]} uses the future"
            channels = shapes[node.input[1]][1] * attribute(node, "group", 1)
            past, joined = f"past{len(pairs)}", f"joined{len(pairs)}"
            nodes.append(helper.make_node("Concat", [past, node.input[0]], [joined], axis=2))
            pairs.append((past, slice_(joined, -pads[0], np.iinfo(np.int64).max, past + "_out"), channels, pads[0]))
            node.input[0] = joined
            replace(node, pads=[0, 0])
            nodes.append(node)
        elif node.op_type == "ConvTranspose" and pads[1] > 0:
            assert pads[0] == 0, f"{node.output[0]} crops its begin"
            index, tail = len(pairs), pads[1]
            outputs = shapes[node.input[1]][1]
            stride = attribute(node, "strides", [1])[0]
            assert tail <= stride, "its tail reaches over more than one frame"
            past, y, bias = f"past{index}", node.output[0], list(node.input[2:])
            # The bias is added behind, or the frames that two calls make together would have it twice.
            del node.input[2:]
            node.output[0] = f"whole{index}"
            replace(node, pads=[0, 0])
            nodes.append(node)
            head = slice_(node.output[0], 0, tail, f"head{index}")
            rest = slice_(node.output[0], tail, -tail, f"rest{index}")
            pairs.append((past, slice_(node.output[0], -tail, np.iinfo(np.int64).max, past + "_out"), outputs, tail))
            nodes.append(helper.make_node("Add", [head, past], [f"sum{index}"]))
            if bias:
                name = f"{bias[0]}_column"
                values = numpy_helper.to_array(next(t for t in graph.initializer if t.name == bias[0]))
                constants[name] = numpy_helper.from_array(values.reshape(1, -1, 1), name)
            nodes.append(helper.make_node("Concat", [f"sum{index}", f"rest{index}"], [f"dry{index}" if bias else y], axis=2))
            if bias:
                nodes.append(helper.make_node("Add", [f"dry{index}", name], [y]))
        else:
            nodes.append(node)
    if not pairs:
        return False
    del graph.node[:]
    graph.node.extend(nodes)
    graph.initializer.extend(constants.values())
    used = {name for node in graph.node for name in node.input}
    for tensor in [tensor for tensor in graph.initializer if tensor.name not in used]:
        graph.initializer.remove(tensor)
    value = lambda name, channels, frames: helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, channels, frames])
    for past, new, channels, frames in pairs:
        graph.input.append(value(past, channels, frames))
        graph.output.append(value(new, channels, frames))
    # Shapes inside are those of the graph without a past.
    del graph.value_info[:]
    del model.metadata_props[:]
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, to)
    return True
