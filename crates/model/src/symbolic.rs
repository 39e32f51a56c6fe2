//! Integers that are known, or known as a linear term in the length of the audio (or another size that a file leaves open).
//!
//! Sizes and the integer tensors computed from them (`Shape → Gather → Div → Concat …`) are followed in this form, so that
//! whatever does not depend on the length becomes a constant. All arithmetic is checked; what overflows or leaves the form
//! is [`SymInt::Unknown`], which is always a safe answer.

mod periodic;

use crate::graph::Dim;
use periodic::Periodic;
use std::fmt;
use std::sync::Arc;

/// An integer element of a tensor, as far as it is known without the audio's length.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SymInt {
    /// A number.
    Known(i64),
    /// A term in one symbol.
    Affine(Affine),
    /// Anything else.
    Unknown,
}

/// `floor((num · symbol + offset) / den)`, in lowest terms, `num ≠ 0`, `den ≥ 1`; or, where that is not
/// [`Self::is_single_floor`], a term of several floors that grows by `num` whenever the symbol grows by `den`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Affine {
    symbol: Arc<str>,
    num: i64,
    den: i64,
    offset: i64,
    /// The values at symbols below `den`, if one floor does not give them.
    values: Option<Arc<[i64]>>,
}

impl Affine {
    /// The symbol's name, as in [`Dim::Symbolic`].
    pub fn symbol(&self) -> &str {
        &self.symbol
    }

    /// True if [`Self::num`], [`Self::den`] and [`Self::offset`] are the whole term.
    pub const fn is_single_floor(&self) -> bool {
        self.values.is_none()
    }

    /// Numerator of the scale; may be negative, and 0 if it is not a single floor.
    pub const fn num(&self) -> i64 {
        self.num
    }

    /// Denominator of the scale, at least 1.
    pub const fn den(&self) -> i64 {
        self.den
    }

    /// Offset before the division; the value at symbol 0 times `den`, if it is not a single floor.
    pub const fn offset(&self) -> i64 {
        self.offset
    }

    /// Its value for `symbol`; `None` on overflow.
    pub fn eval(&self, symbol: i64) -> Option<i64> {
        if let Some(values) = &self.values {
            let place = usize::try_from(symbol.rem_euclid(self.den)).ok()?;
            let whole = self.num.checked_mul(symbol.div_euclid(self.den))?;
            return whole.checked_add(*values.get(place)?);
        }
        let sum = i128::from(self.num) * i128::from(symbol) + i128::from(self.offset);
        i64::try_from(sum.div_euclid(i128::from(self.den))).ok()
    }
}

/// How two terms compare for every large enough value of the symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ordering {
    Less,
    Equal,
    Greater,
}

const fn gcd(mut a: u128, mut b: u128) -> u128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

impl SymInt {
    /// A symbol by itself.
    pub fn symbol(name: &str) -> Self {
        Self::Affine(Affine {
            symbol: name.into(),
            num: 1,
            den: 1,
            offset: 0,
            values: None,
        })
    }

    /// The result of `compute` in periods, where one floor is not enough.
    fn in_periods(&self, other: &Self, compute: impl FnOnce(Periodic, Periodic) -> Option<Periodic>) -> Self {
        let Some((symbol, a, b)) = Periodic::pair(self, other) else {
            return Self::Unknown;
        };
        compute(a, b).map_or(Self::Unknown, |result| result.settle(&symbol))
    }

    /// The number, if known.
    pub const fn known(&self) -> Option<i64> {
        match self {
            Self::Known(value) => Some(*value),
            _ => None,
        }
    }

    /// True unless the value is [`SymInt::Unknown`].
    pub const fn is_determined(&self) -> bool {
        !matches!(self, Self::Unknown)
    }

    /// In normal form: common factors out; a whole scale takes the whole part of the offset out of the floor.
    fn affine(symbol: &Arc<str>, num: i128, den: i128, offset: i128) -> Self {
        if den < 1 {
            return Self::Unknown;
        }
        if num == 0 {
            return i64::try_from(offset.div_euclid(den)).map_or(Self::Unknown, Self::Known);
        }
        let (mut num, mut den, mut offset) = (num, den, offset);
        if num % den == 0 {
            (num, offset, den) = (num / den, offset.div_euclid(den), 1);
        } else {
            // floor((g·a·S + o) / (g·d)) = floor((a·S + floor(o / g)) / d), as a·S is whole.
            let common = gcd(num.unsigned_abs(), den.unsigned_abs()).cast_signed();
            (num, den, offset) = (num / common, den / common, offset.div_euclid(common));
        }
        match (i64::try_from(num), i64::try_from(den), i64::try_from(offset)) {
            (Ok(num), Ok(den), Ok(offset)) => Self::Affine(Affine {
                symbol: Arc::clone(symbol),
                num,
                den,
                offset,
                values: None,
            }),
            _ => Self::Unknown,
        }
    }

    pub(crate) fn add(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Known(a), Self::Known(b)) => a.checked_add(*b).map_or(Self::Unknown, Self::Known),
            (Self::Affine(a), Self::Known(b)) | (Self::Known(b), Self::Affine(a)) if a.is_single_floor() => {
                let offset = i128::from(a.offset) + i128::from(*b) * i128::from(a.den);
                Self::affine(&a.symbol, a.num.into(), a.den.into(), offset)
            }
            (Self::Affine(a), Self::Affine(b)) if a.symbol == b.symbol && a.den == 1 && b.is_single_floor() => {
                Self::affine(
                    &a.symbol,
                    i128::from(a.num) * i128::from(b.den) + i128::from(b.num),
                    b.den.into(),
                    i128::from(a.offset) * i128::from(b.den) + i128::from(b.offset),
                )
            }
            (Self::Affine(a), Self::Affine(b)) if a.symbol == b.symbol && b.den == 1 && a.is_single_floor() => {
                other.add(self)
            }
            _ => self.in_periods(other, |a, b| a.plus(&b)),
        }
    }

    pub(crate) fn neg(&self) -> Self {
        match self {
            Self::Known(a) => a.checked_neg().map_or(Self::Unknown, Self::Known),
            // −floor(x / d) = floor((−x + d − 1) / d).
            Self::Affine(a) if a.is_single_floor() => {
                let offset = -i128::from(a.offset) + i128::from(a.den) - 1;
                Self::affine(&a.symbol, -i128::from(a.num), a.den.into(), offset)
            }
            Self::Affine(_) => self.in_periods(&Self::Known(0), |a, _| a.times(-1)),
            Self::Unknown => Self::Unknown,
        }
    }

    pub(crate) fn sub(&self, other: &Self) -> Self {
        if self == other && self.is_determined() {
            return Self::Known(0);
        }
        match (self, other) {
            // x − (x + c): equal floors up to a whole offset.
            (Self::Affine(a), Self::Affine(b))
                if a.symbol == b.symbol
                    && a.is_single_floor()
                    && b.is_single_floor()
                    && (a.num, a.den) == (b.num, b.den)
                    && (i128::from(a.offset) - i128::from(b.offset)) % i128::from(a.den) == 0 =>
            {
                let difference = (i128::from(a.offset) - i128::from(b.offset)) / i128::from(a.den);
                i64::try_from(difference).map_or(Self::Unknown, Self::Known)
            }
            _ => self.add(&other.neg()),
        }
    }

    pub(crate) fn mul(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Known(0), _) | (_, Self::Known(0)) => Self::Known(0),
            (Self::Known(1), x) | (x, Self::Known(1)) => x.clone(),
            (Self::Known(a), Self::Known(b)) => a.checked_mul(*b).map_or(Self::Unknown, Self::Known),
            (Self::Affine(a), Self::Known(b)) | (Self::Known(b), Self::Affine(a)) if a.den == 1 => {
                let factor = i128::from(*b);
                Self::affine(&a.symbol, i128::from(a.num) * factor, 1, i128::from(a.offset) * factor)
            }
            (x, Self::Known(-1)) | (Self::Known(-1), x) => x.neg(),
            (Self::Affine(_), Self::Known(b)) => self.in_periods(other, |a, _| a.times(*b)),
            (Self::Known(_), Self::Affine(_)) => other.mul(self),
            _ => Self::Unknown,
        }
    }

    /// The quotient, rounded down.
    pub(crate) fn div_floor(&self, by: i64) -> Self {
        match self {
            _ if by < 1 => Self::Unknown,
            Self::Known(a) => Self::Known(a.div_euclid(by)),
            Self::Affine(a) if a.is_single_floor() => Self::affine(
                &a.symbol,
                a.num.into(),
                i128::from(a.den) * i128::from(by),
                a.offset.into(),
            ),
            Self::Affine(_) => self.in_periods(&Self::Known(by), |a, _| a.div_floor(by)),
            Self::Unknown => Self::Unknown,
        }
    }

    /// The remainder of the quotient rounded down.
    pub(crate) fn rem_floor(&self, by: i64) -> Self {
        self.sub(&self.div_floor(by).mul(&Self::Known(by)))
    }

    /// The quotient, rounded up.
    pub(crate) fn div_ceil(&self, by: i64) -> Self {
        self.add(&Self::Known(by.saturating_sub(1))).div_floor(by)
    }

    /// The quotient as ONNX rounds it: towards zero. A growing term is taken to be non-negative, which sizes are.
    pub(crate) fn div_trunc(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Known(a), Self::Known(b)) => a.checked_div(*b).map_or(Self::Unknown, Self::Known),
            (Self::Affine(a), Self::Known(b)) if a.num > 0 && *b > 0 => self.div_floor(*b),
            (Self::Affine(a), Self::Known(b)) if a.num < 0 && *b > 0 => self.neg().div_floor(*b).neg(),
            (x, Self::Known(b)) if *b < 0 => match b.checked_neg() {
                Some(b) => x.div_trunc(&Self::Known(b)).neg(),
                None => Self::Unknown,
            },
            (Self::Affine(a), Self::Affine(b)) if a == b => Self::Known(1),
            (Self::Affine(a), Self::Affine(b)) if a.symbol == b.symbol => {
                // A whole multiple, if it is one everywhere.
                let (top, bottom) = (
                    i128::from(a.num) * i128::from(b.den),
                    i128::from(b.num) * i128::from(a.den),
                );
                match top.checked_div(bottom).map(i64::try_from) {
                    Some(Ok(times)) if other.mul(&Self::Known(times)) == *self => Self::Known(times),
                    _ => Self::Unknown,
                }
            }
            _ => Self::Unknown,
        }
    }

    /// The order for large symbols; `None` if it is not settled by the form.
    pub(crate) fn order(&self, other: &Self) -> Option<Ordering> {
        let sign = |value: i64| match value {
            ..0 => Ordering::Less,
            0 => Ordering::Equal,
            1.. => Ordering::Greater,
        };
        match (self, other) {
            (Self::Unknown, _) | (_, Self::Unknown) => None,
            (Self::Known(a), Self::Known(b)) => Some(match a.cmp(b) {
                std::cmp::Ordering::Less => Ordering::Less,
                std::cmp::Ordering::Equal => Ordering::Equal,
                std::cmp::Ordering::Greater => Ordering::Greater,
            }),
            (Self::Affine(a), Self::Known(_)) if a.num != 0 => Some(sign(a.num)),
            (Self::Known(_), Self::Affine(b)) if b.num != 0 => Some(sign(b.num.saturating_neg())),
            (Self::Affine(a), Self::Affine(b)) if a.symbol == b.symbol => {
                let left = i128::from(a.num) * i128::from(b.den);
                let right = i128::from(b.num) * i128::from(a.den);
                if left != right {
                    return Some(if left < right {
                        Ordering::Less
                    } else {
                        Ordering::Greater
                    });
                }
                self.sign_of_difference(other)
            }
            (Self::Affine(_), Self::Known(_)) | (Self::Known(_), Self::Affine(_)) => self.sign_of_difference(other),
            _ => None,
        }
    }

    /// The order of two that grow alike, if it is the same everywhere.
    fn sign_of_difference(&self, other: &Self) -> Option<Ordering> {
        let of = |value: i64| match value {
            ..0 => Ordering::Less,
            0 => Ordering::Equal,
            1.. => Ordering::Greater,
        };
        match self.sub(other) {
            Self::Known(difference) => Some(of(difference)),
            Self::Affine(difference) => {
                let mut signs = difference.values.as_deref()?.iter().map(|value| of(*value));
                let first = signs.next().filter(|_| difference.num == 0)?;
                signs.all(|sign| sign == first).then_some(first)
            }
            Self::Unknown => None,
        }
    }

    pub(crate) fn min(&self, other: &Self) -> Self {
        match self.order(other) {
            Some(Ordering::Less | Ordering::Equal) => self.clone(),
            Some(Ordering::Greater) => other.clone(),
            None => self.in_periods(other, |a, b| Periodic::extreme(&a, &b, false)),
        }
    }

    pub(crate) fn max(&self, other: &Self) -> Self {
        match self.order(other) {
            Some(Ordering::Greater | Ordering::Equal) => self.clone(),
            Some(Ordering::Less) => other.clone(),
            None => self.in_periods(other, |a, b| Periodic::extreme(&a, &b, true)),
        }
    }

    /// As a size. Negative numbers and falling terms are no sizes.
    pub(crate) fn to_dim(&self) -> Option<Dim> {
        match self {
            Self::Known(value) => usize::try_from(*value).ok().map(Dim::Known),
            Self::Affine(Affine {
                values: Some(values),
                num,
                ..
            }) => (*num > 0 || (*num == 0 && values.iter().all(|value| *value >= 0))).then_some(Dim::Unknown),
            Self::Affine(a) if a.num > 0 => Some(Dim::Symbolic {
                symbol: a.symbol.to_string(),
                scale_num: a.num,
                scale_den: a.den,
                offset: a.offset,
            }),
            Self::Affine(_) => None,
            Self::Unknown => Some(Dim::Unknown),
        }
    }
}

impl From<&Dim> for SymInt {
    fn from(dim: &Dim) -> Self {
        match dim {
            Dim::Known(size) => i64::try_from(*size).map_or(Self::Unknown, Self::Known),
            Dim::Symbolic {
                symbol,
                scale_num,
                scale_den,
                offset,
            } => Self::affine(
                &Arc::from(symbol.as_str()),
                (*scale_num).into(),
                (*scale_den).into(),
                (*offset).into(),
            ),
            Dim::Unknown => Self::Unknown,
        }
    }
}

impl fmt::Display for SymInt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(value) => write!(f, "{value}"),
            Self::Affine(Affine {
                values: Some(values),
                symbol,
                num,
                den,
                ..
            }) => {
                let first = values.first().copied().unwrap_or(0);
                write!(f, "({symbol} ↦ {first}, +{num} per {den})")
            }
            Self::Affine(a) => {
                let dim = Dim::Symbolic {
                    symbol: a.symbol.to_string(),
                    scale_num: a.num,
                    scale_den: a.den,
                    offset: a.offset,
                };
                write!(f, "{dim}")
            }
            Self::Unknown => f.write_str("?"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn term() -> impl Strategy<Value = SymInt> {
        prop_oneof![
            (-50i64..50).prop_map(SymInt::Known),
            (-6i64..6, 1i64..6, -50i64..50).prop_map(|(num, den, offset)| SymInt::affine(
                &Arc::from("T"),
                num.into(),
                den.into(),
                offset.into()
            )),
        ]
    }

    fn at(term: &SymInt, symbol: i64) -> Option<i64> {
        match term {
            SymInt::Known(value) => Some(*value),
            SymInt::Affine(a) => a.eval(symbol),
            SymInt::Unknown => None,
        }
    }

    proptest! {
        /// Every result that is not `Unknown` has the value that the numbers have.
        #[test]
        fn terms_compute_as_numbers(a in term(), b in term(), k in 1i64..7, symbol in 0i64..4000) {
            let (x, y) = (at(&a, symbol).unwrap(), at(&b, symbol).unwrap());
            let agree = |result: SymInt, wanted: i64| at(&result, symbol).is_none_or(|value| value == wanted);
            prop_assert!(agree(a.add(&b), x + y));
            prop_assert!(agree(a.sub(&b), x - y));
            prop_assert!(agree(a.neg(), -x));
            prop_assert!(agree(a.mul(&b), x * y));
            prop_assert!(agree(a.div_floor(k), x.div_euclid(k)));
            prop_assert!(agree(a.rem_floor(k), x.rem_euclid(k)));
            let multiple = a.div_floor(k).mul(&SymInt::Known(k));
            prop_assert_eq!(at(&multiple, symbol), Some(x.div_euclid(k) * k));
            let rest = b.add(&multiple).sub(&a).div_floor(2).add(&a);
            prop_assert_eq!(at(&rest, symbol), Some((y + x.div_euclid(k) * k - x).div_euclid(2) + x));
            // The normal form is one: equal terms are equal.
            prop_assert!(a.add(&b).sub(&b) == a);
            prop_assert!(multiple.add(&a.rem_floor(k)) == a);
            prop_assert_eq!(multiple.div_floor(k), a.div_floor(k));
            prop_assert_eq!(multiple.neg().neg(), multiple);
            if x != 0 && y != 0 && k > 1 {
                prop_assert!(agree(a.mul(&SymInt::Known(k)).div_trunc(&a), k));
            }
            prop_assert!(agree(a.div_ceil(k), -((-x).div_euclid(k))));
        }

        /// Orders hold once the symbol is large.
        #[test]
        fn orders_hold_for_long_signals(a in term(), b in term()) {
            let (x, y) = (at(&a, 1_000_000).unwrap(), at(&b, 1_000_000).unwrap());
            match a.order(&b) {
                Some(Ordering::Less) => prop_assert!(x < y),
                Some(Ordering::Equal) => prop_assert!(x == y),
                Some(Ordering::Greater) => prop_assert!(x > y),
                None => {}
            }
        }
    }

    #[test]
    fn forms_are_normal() {
        let t = SymInt::symbol("T");
        assert_eq!(t.add(&SymInt::Known(4)).sub(&t), SymInt::Known(4));
        assert_eq!(t.mul(&SymInt::Known(4)).div_floor(2), t.mul(&SymInt::Known(2)));
        assert_eq!(t.div_floor(2).div_floor(3).to_string(), "⌊(T)/6⌋");
        assert_eq!(t.sub(&t), SymInt::Known(0));
        // The length padded to a multiple, and what is added for that.
        let cut = t.div_floor(32).mul(&SymInt::Known(32));
        let padded = t.div_ceil(32).mul(&SymInt::Known(32));
        let padding = SymInt::Known(32).sub(&t.rem_floor(32)).rem_floor(32);
        assert_eq!(t.add(&padding), padded);
        assert_eq!(padded.sub(&padding), t);
        assert_eq!(cut.div_floor(32), t.div_floor(32));
        assert_eq!(padding.order(&SymInt::Known(32)), Some(Ordering::Less));
        assert_eq!(padding.max(&SymInt::Known(0)), padding);
        assert_eq!(padding.to_dim(), Some(Dim::Unknown));
        assert_eq!(padded.div_trunc(&t.div_ceil(32)), SymInt::Known(32));
        assert_eq!(t.div_floor(2000).add(&t.div_floor(1999)), SymInt::Unknown);
        assert_eq!(t.mul(&SymInt::Known(i64::MAX)).mul(&SymInt::Known(3)), SymInt::Unknown);
    }
}
