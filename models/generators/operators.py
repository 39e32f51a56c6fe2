"""Fixtures of single operators: each in a small graph, compared by value and not played."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def floats(values):
    return np.asarray(values, np.float32)


def resize(mode, coordinates, **attributes):
    def build(m):
        x = m.input("input", [1, 2, 1, 7])
        attributes_of_all = dict(mode=mode, coordinate_transformation_mode=coordinates, **attributes)
        more = m.node("Resize", x, "", m.array(floats([1, 1, 1, 2.5])), **attributes_of_all)
        fewer = m.node("Resize", x, "", "", m.ints(1, 2, 1, 3), **attributes_of_all)
        m.output(more, "more", [1, 2, 1, 17])
        m.output(fewer, "fewer", [1, 2, 1, 3])

    build.__doc__ = f"Resize, {mode}, {coordinates}{''.join(f', {v}' for v in attributes.values())}: to 5/2 and to 3 of 7."
    return build


def resize_open(m):
    """The size is computed from an open length in floats, as interpolate is exported: doubled, then halved again."""
    x = m.input("input", [1, 1, "T"])
    size = m.node("Gather", m.node("Shape", x), m.constant(np.array(2, np.int64)), axis=0)
    size = m.node("Floor", m.node("Mul", m.node("Cast", size, to=TensorProto.FLOAT), m.constant(floats(2.0))))
    size = m.node("Unsqueeze", m.node("Cast", size, to=TensorProto.INT64), m.ints(0))
    sizes = m.node("Concat", m.ints(1, 1), size, axis=0)
    y = m.node("Resize", x, "", "", sizes, mode="linear", coordinate_transformation_mode="pytorch_half_pixel")
    y = m.node("Tanh", y)
    y = m.node("Resize", y, "", m.array(floats([1, 1, 0.5])), mode="nearest",
               coordinate_transformation_mode="asymmetric", nearest_mode="floor")
    m.output(m.node("Add", y, x), "output", [1, 1, "T"])


def dft(m):
    """Forward, onesided, of a real signal that is cut; back with all bins."""
    x = m.input("input", [1, 12, 1])
    length = m.constant(np.array(10, np.int64))
    half = m.node("DFT", x, length, axis=1, onesided=1)
    whole = m.node("DFT", x, axis=1)
    back = m.node("DFT", whole, axis=1, inverse=1)
    m.output(half, "half", [1, 6, 2])
    m.output(back, "back", [1, 12, 2])


def dft_20(m):
    """The axis as an input, zero-padded."""
    m.opset = 20
    x = m.input("input", [2, 3, 5, 1])
    y = m.node("DFT", x, m.constant(np.array(8, np.int64)), m.constant(np.array(1, np.int64)))
    m.output(y, "output", [2, 8, 5, 2])


def stft(m):
    x = m.input("input", [1, 64, 1])
    window = m.array(floats(np.hanning(17)[:16]))
    y = m.node("STFT", x, m.constant(np.array(8, np.int64)), window, onesided=1)
    m.output(y, "output", [1, 7, 9, 2])


def trilu(m):
    """Both sides, on and off the diagonal."""
    x = m.input("input", [2, 4, 5])
    for name, upper, k in (("up", 1, None), ("up_2", 1, 2), ("low", 0, None), ("low_1", 0, -1)):
        inputs = [x] + ([] if k is None else [m.constant(np.array(k, np.int64))])
        m.output(m.node("Trilu", *inputs, upper=upper), name, [2, 4, 5])


def scatter(m):
    """Rows and single elements replaced by index, and read by index."""
    x = m.input("input", [3, 4])
    rows = m.node("ScatterND", x, m.array(np.array([[2], [0]], np.int64)), m.weight(2, 4))
    one = m.node("ScatterND", rows, m.array(np.array([[1, -1], [0, 2]], np.int64)), m.weight(2))
    m.output(one, "nd", [3, 4])
    elements = m.node("ScatterElements", x, m.array(np.array([[1, 0, 2, 1]], np.int64)), m.weight(1, 4), axis=0)
    m.output(elements, "elements", [3, 4])
    m.output(m.node("GatherND", x, m.array(np.array([[2, 1], [0, 3]], np.int64))), "pairs", [2])
    m.output(m.node("GatherND", x, m.array(np.array([[2], [-1]], np.int64))), "rows", [2, 4])


def cum_sum(m):
    x = m.input("input", [2, 5])
    for name, attributes in (("plain", {}), ("exclusive", {"exclusive": 1}), ("reverse", {"reverse": 1}),
                             ("both", {"exclusive": 1, "reverse": 1})):
        m.output(m.node("CumSum", x, m.constant(np.array(1, np.int64)), **attributes), name, [2, 5])


def einsum(m):
    """The products that attention, bilinear layers and channel mixing are written with."""
    x, y = m.input("input", [2, 3, 4]), m.input("other", [2, 5, 4])
    heads = m.node("Reshape", x, m.ints(2, 3, 2, 2))
    keys = m.node("Reshape", y, m.ints(2, 5, 2, 2))
    w = m.weight(4, 6)
    for name, equation, operands, shape in (
        ("batch", "bij,bkj->bik", (x, y), [2, 3, 5]),
        ("mix", "btc,cd->btd", (x, w), [2, 3, 6]),
        ("turned", "btc,cd->dbt", (x, w), [6, 2, 3]),
        ("attention", "bqhd,bkhd->bhqk", (heads, keys), [2, 2, 3, 5]),
        ("back", "bhqk,bkhd->bqhd", ("attention_value", keys), [2, 3, 2, 2]),
        ("outer", "bi,bj->bij", ("rows", "columns"), [2, 3, 5]),
        ("ellipsis", "...ij,...kj->...ki", (x, y), [2, 5, 3]),
        ("summed", "bij,bkl->bi", (x, y), [2, 3]),
        ("total", "bij->jb", (x,), [4, 2]),
        ("implicit", "bij,kj", (x, m.weight(5, 4)), [2, 3, 5]),
    ):
        if name == "back":
            operands = (m.node("Einsum", heads, keys, equation="bqhd,bkhd->bhqk"), keys)
        if name == "outer":
            operands = (m.node("ReduceSum", x, m.ints(2), keepdims=0), m.node("ReduceSum", y, m.ints(2), keepdims=0))
        m.output(m.node("Einsum", *operands, equation=equation), name, shape)


def group_norm(m):
    """Set 21: scale and bias per channel."""
    m.opset = 21
    x = m.input("input", [2, 6, 10])
    y = m.node("GroupNormalization", x, m.weight(6, scale=1.0), m.weight(6, scale=1.0), num_groups=3, epsilon=1e-3)
    m.output(y, "output", [2, 6, 10])


def group_norm_per_group(m):
    """Set 18: scale and bias per group."""
    m.opset = 18
    x = m.input("input", [2, 6, 5, 2])
    y = m.node("GroupNormalization", x, m.weight(2, scale=1.0), m.weight(2, scale=1.0), num_groups=2)
    m.output(y, "output", [2, 6, 5, 2])


def rms_norm(m):
    m.opset = 23
    x = m.input("input", [2, 3, 8])
    m.output(m.node("RMSNormalization", x, m.weight(8, scale=1.0), axis=-1, epsilon=1e-4), "output", [2, 3, 8])


def lp_norm(m):
    x = m.input("input", [2, 3, 8])
    x = m.node("Mul", x, m.array(floats([[[1.0], [0.0], [2.0]]])))
    m.output(m.node("LpNormalization", x, axis=2, p=1), "one", [2, 3, 8])
    m.output(m.node("LpNormalization", x, axis=1, p=2), "two", [2, 3, 8])


def shuffles(m):
    """Depth to space in both orders, and back."""
    x = m.input("input", [1, 8, 2, 3])
    m.output(m.node("DepthToSpace", x, blocksize=2), "dcr", [1, 2, 4, 6])
    crd = m.node("DepthToSpace", x, blocksize=2, mode="CRD")
    m.output(m.node("SpaceToDepth", crd, blocksize=2), "back", [1, 8, 2, 3])
    m.output(crd, "crd", [1, 2, 4, 6])


def quantised(m):
    """Quantised weights, one scale per channel, and a signal through 8 bits."""
    x = m.input("input", [1, 4])
    weight = m.array(m.random.integers(-128, 128, (4, 3)).astype(np.int8))
    scale, zero = m.array(floats([0.01, 0.02, 0.03])), m.array(np.array([1, -2, 3], np.int8))
    y = m.node("MatMul", x, m.node("DequantizeLinear", weight, scale, zero, axis=1))
    m.output(y, "product", [1, 3])
    step, middle = m.array(floats(0.05)), m.array(np.array(128, np.uint8))
    coarse = m.node("QuantizeLinear", m.node("Mul", x, m.array(floats(20.0))), step, middle)
    m.output(m.node("DequantizeLinear", coarse, step, middle), "coarse", [1, 4])


def functions_of_one(m):
    """Everything element-wise that no other fixture has."""
    m.opset = 18
    x = m.input("input", [1, 9])
    unit = m.node("Mul", x, m.array(floats(0.9)))
    for kind in ("Tan", "Asin", "Acos", "Atan", "Sinh", "Cosh", "Asinh", "Atanh"):
        m.output(m.node(kind, unit), kind.lower() + "_of", [1, 9])
    far = m.node("Mul", x, m.array(floats(3.0)))
    m.output(m.node("Acosh", m.node("Add", m.node("Abs", far), m.array(floats(1.0)))), "acosh_of", [1, 9])
    m.output(m.node("Celu", far, alpha=0.7), "celu_of", [1, 9])
    m.output(m.node("ThresholdedRelu", far, alpha=0.5), "thresholded", [1, 9])
    m.output(m.node("Shrink", far, lambd=0.6, bias=0.2), "shrunk", [1, 9])
    m.output(m.node("Mish", far), "mish_of", [1, 9])
    m.output(m.node("Mod", far, m.array(floats(0.7)), fmod=1), "rest", [1, 9])
    m.output(m.node("Mean", x, unit, far), "mean_of", [1, 9])
    bad = m.node("Div", m.node("Round", x), m.node("Round", m.node("Mul", x, m.array(floats(0.5)))))
    yes, no = m.array(floats(1.0)), m.array(floats(0.0))
    m.output(m.node("Where", m.node("IsNaN", bad), yes, no), "nan", [1, 9])
    m.output(m.node("Where", m.node("IsInf", bad, detect_negative=0), yes, no), "infinite", [1, 9])
    above, below = m.node("Greater", x, no), m.node("Less", unit, m.array(floats(0.3)))
    m.output(m.node("Where", m.node("Xor", above, below), yes, no), "either", [1, 9])


def reductions(m):
    m.opset = 17
    x = m.input("input", [2, 3, 4])
    positive = m.node("Abs", x)
    m.output(m.node("ReduceLogSum", positive, axes=[1], keepdims=0), "log_sum", [2, 4])
    m.output(m.node("ReduceLogSumExp", m.node("Mul", x, m.array(floats(60.0))), axes=[2]), "log_sum_exp", [2, 3, 1])


def upsample(m):
    """The old operator, by nearest neighbours and linearly."""
    m.opset = 9
    x = m.input("input", [1, 2, 3, 4])
    scales = m.array(floats([1, 1, 2, 3]))
    m.output(m.node("Upsample", x, scales, mode="nearest"), "nearest", [1, 2, 6, 12])
    m.output(m.node("Upsample", x, scales, mode="linear"), "linear", [1, 2, 6, 12])


def resize_10(m):
    """Set 10: nearest neighbours take the upper one when the size falls."""
    m.opset = 10
    x = m.input("input", [1, 1, 3, 7])
    m.output(m.node("Resize", x, m.array(floats([1, 1, 1, 0.5])), mode="nearest"), "fewer", [1, 1, 3, 3])
    m.output(m.node("Resize", x, m.array(floats([1, 1, 2, 2])), mode="linear"), "more", [1, 1, 6, 14])


def resize_axes(m):
    """Set 18: the sizes of one axis alone."""
    m.opset = 18
    x = m.input("input", [1, 2, "T"])
    y = m.node("Resize", x, "", m.array(floats([3.0])), axes=[2], mode="linear",
               coordinate_transformation_mode="half_pixel")
    m.output(y, "output", [1, 2, "3 T"])


def branch(m):
    """An If that sizes decide: one branch reads a wire around it, holds a weight, and an If of its own."""
    x = m.input("input", [1, 3, 4])
    rank = m.node("Size", m.node("Shape", x))
    condition = m.node("Equal", rank, m.constant(np.array(3, np.int64)))
    inner_then = helper.make_graph([helper.make_node("Relu", ["scaled"], ["inner"], name="relu")], "inner_then", [],
                                   [helper.make_tensor_value_info("inner", TensorProto.FLOAT, None)])
    inner_else = helper.make_graph([helper.make_node("Neg", ["scaled"], ["inner2"], name="neg")], "inner_else", [],
                                   [helper.make_tensor_value_info("inner2", TensorProto.FLOAT, None)])
    then_nodes = [helper.make_node("Mul", [x, "two"], ["scaled"], name="mul"),
                  helper.make_node("Constant", [], ["no"], value=numpy_helper.from_array(np.array(False))),
                  helper.make_node("If", ["no"], ["then_out"], then_branch=inner_then, else_branch=inner_else, name="inner_if")]
    then = helper.make_graph(then_nodes, "then", [], [helper.make_tensor_value_info("then_out", TensorProto.FLOAT, None)],
                             [numpy_helper.from_array(floats(2.0), "two")])
    other = helper.make_graph([helper.make_node("Flatten", [x], ["else_out"], name="flat")], "else", [],
                              [helper.make_tensor_value_info("else_out", TensorProto.FLOAT, None)])
    y = m.node("If", condition, then_branch=then, else_branch=other)
    m.output(m.node("Add", y, x), "output", [1, 3, 4])


def local_functions(m):
    """Functions of the file's own, one inside of the other, with attributes and a left-out input."""
    x = m.input("input", [1, 4])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("here", 1)]
    slope = helper.make_node("LeakyRelu", ["v"], ["w"], name="leaky")
    reference = slope.attribute.add()
    reference.name, reference.ref_attr_name, reference.type = "alpha", "slope", onnx.AttributeProto.FLOAT
    leaky = helper.make_function("here", "Leaky", ["v"], ["w"], [slope], opsets, ["slope"])
    call = helper.make_node("Leaky", ["scaled"], ["w"], name="call", domain="here")
    reference = call.attribute.add()
    reference.name, reference.ref_attr_name, reference.type = "slope", "slope", onnx.AttributeProto.FLOAT
    clip = helper.make_node("Clip", ["w", "low", "high"], ["result"], name="clip")
    scaled = helper.make_function("here", "Scaled", ["x", "factor", "low", "high"], ["result"],
                                  [helper.make_node("Mul", ["x", "factor"], ["scaled"], name="mul"), call, clip],
                                  opsets, [], [helper.make_attribute("slope", 0.25)])
    m.functions = [leaky, scaled]
    low = m.array(floats(-0.1))
    y = m.node("Scaled", x, m.array(floats(2.0)), low, "", domain="here", slope=0.5)
    m.output(m.node("Scaled", y, m.array(floats(-1.0)), "", low, domain="here"), "output", [1, 4])


def padded(m):
    """Padding to a multiple of 8 whose amount follows from an open length, cut off again."""
    x = m.input("input", [1, 1, "T"])
    length = m.node("Slice", m.node("Shape", x), m.ints(2), m.ints(3))
    rest = m.node("Mod", length, m.ints(8))
    missing = m.node("Mod", m.node("Sub", m.ints(8), rest), m.ints(8))
    pads = m.node("Concat", m.ints(0, 0, 0, 0, 0), missing, axis=0)
    y = m.node("Pad", x, pads)
    y = m.node("Conv", y, m.weight(3, 1, 8), strides=[8])
    y = m.node("ConvTranspose", m.node("Tanh", y), m.weight(3, 1, 8), strides=[8])
    y = m.node("Slice", y, m.ints(0), length, m.ints(2))
    m.output(m.node("Add", y, x), "output", [1, 1, "T"])


MODES = ("half_pixel", "pytorch_half_pixel", "asymmetric", "align_corners")
ALL = {f"resize_linear_{mode}": resize("linear", mode) for mode in MODES}
ALL |= {f"resize_cubic_{mode}": resize("cubic", mode) for mode in MODES}
ALL |= {f"resize_nearest_{mode}_{rounding}": resize("nearest", mode, nearest_mode=rounding)
        for mode in MODES for rounding in ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")}
ALL |= {build.__name__: build for build in (
    resize_open, dft, dft_20, stft, trilu, scatter, cum_sum, einsum, group_norm, group_norm_per_group, rms_norm, lp_norm,
    shuffles, quantised, functions_of_one, reductions, upsample, resize_10, resize_axes, branch, local_functions, padded)}
