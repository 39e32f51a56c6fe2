//! Float elements that are a size times a fraction, as in `Cast → Mul → Floor → Cast`, which is how exporters write the length
//! of a resized or padded signal. Followed exactly; what single precision would round is the model's business.

use super::values::moved;
use super::{Fact, Facts, MAX_SYMBOLIC};
use crate::error::Result;
use crate::op::{Binary, Op, Unary};
use crate::symbolic::SymInt;
use crate::tensor::Tensor;

/// `whole · num / den`, exact.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ratio {
    whole: SymInt,
    num: i64,
    den: i64,
}

/// Bound on numerators and denominators, so that their products are numbers.
const MOST: i64 = 1 << 24;

impl Ratio {
    fn new(whole: SymInt, num: i64, den: i64) -> Option<Self> {
        let common = (1..=den.min(4096)).rev().find(|n| den % n == 0 && num % n == 0)?;
        let (num, den) = (num / common, den / common);
        let fits = num.abs() <= MOST && (1..=MOST).contains(&den) && whole.is_determined();
        fits.then_some(Self { whole, num, den })
    }

    pub(super) fn integer(whole: SymInt) -> Option<Self> {
        Self::new(whole, 1, 1)
    }

    /// The simplest fraction that is `value` in single precision.
    fn number(value: f32) -> Option<Self> {
        let value = f64::from(value);
        (1..=64).chain((7..=20).map(|bit| 1i64 << bit)).find_map(|den| {
            let num = (value * den as f64).round();
            let close = num.abs() <= MOST as f64 && (num / den as f64) as f32 == value as f32;
            close.then(|| Self::new(SymInt::Known(num as i64), 1, den)).flatten()
        })
    }

    /// The fraction, if it does not depend on a size.
    fn fraction(&self) -> Option<(i64, i64)> {
        let whole = self.whole.known()?;
        Some((whole.checked_mul(self.num)?, self.den)).filter(|(num, _)| num.abs() <= MOST)
    }

    fn times(&self, other: &Self) -> Option<Self> {
        let (a, (num, den)) = match (other.fraction(), self.fraction()) {
            (Some(fraction), _) => (self, fraction),
            (None, Some(fraction)) => (other, fraction),
            _ => return None,
        };
        Self::new(a.whole.clone(), a.num.checked_mul(num)?, a.den.checked_mul(den)?)
    }

    fn over(&self, other: &Self) -> Option<Self> {
        let (num, den) = other.fraction()?;
        let turned = match num {
            1.. => Self::new(SymInt::Known(den), 1, num),
            ..0 => Self::new(SymInt::Known(den.checked_neg()?), 1, num.checked_neg()?),
            0 => None,
        };
        self.times(&turned?)
    }

    fn plus(&self, other: &Self) -> Option<Self> {
        let den = self.den.checked_mul(other.den)?;
        let a = self.whole.mul(&SymInt::Known(self.num.checked_mul(other.den)?));
        let b = other.whole.mul(&SymInt::Known(other.num.checked_mul(self.den)?));
        Self::new(a.add(&b), 1, den)
    }

    fn neg(&self) -> Option<Self> {
        Self::new(self.whole.clone(), self.num.checked_neg()?, self.den)
    }

    /// Rounded down.
    fn floor(&self) -> SymInt {
        self.whole.mul(&SymInt::Known(self.num)).div_floor(self.den)
    }

    fn ceil(&self) -> SymInt {
        self.whole.mul(&SymInt::Known(self.num)).div_ceil(self.den)
    }

    /// Rounded towards zero.
    pub(super) fn truncate(&self) -> SymInt {
        self.whole
            .mul(&SymInt::Known(self.num))
            .div_trunc(&SymInt::Known(self.den))
    }
}

/// The elements of a float tensor as far as they are fractions of sizes.
pub(super) fn ratios(fact: &Fact) -> Option<Vec<Option<Ratio>>> {
    if let Some(ratios) = &fact.ratios {
        return Some(ratios.clone());
    }
    let tensor = fact.constant.as_deref().filter(|tensor| tensor.len() <= MAX_SYMBOLIC)?;
    Some(tensor.as_f32()?.iter().map(|value| Ratio::number(*value)).collect())
}

/// Fills in what is known of the elements of the float results `facts` of `op`.
pub(super) fn follow(op: &Op, inputs: Facts<'_>, facts: &mut [Fact]) -> Result<()> {
    // Constants alone are folded; this is for what depends on a size.
    let depends = |index: usize| {
        let fact = inputs.opt(index);
        fact.is_some_and(|fact| fact.ratios.is_some() || fact.symbolic.is_some())
    };
    if !(0..inputs.0.len()).any(depends) {
        return Ok(());
    }
    let of = |index: usize| inputs.opt(index).and_then(ratios);
    let results: Option<Vec<Vec<Option<Ratio>>>> = match op {
        Op::Cast { .. } => inputs
            .opt(0)
            .and_then(Fact::elements)
            .map(|elements| vec![elements.into_iter().map(Ratio::integer).collect()]),
        Op::Unary(unary) => of(0).map(|x| {
            let on_one = |x: Option<Ratio>| {
                let x = x?;
                match unary {
                    Unary::Neg => x.neg(),
                    Unary::Floor => Ratio::integer(x.floor()),
                    Unary::Ceil => Ratio::integer(x.ceil()),
                    Unary::Round if x.den == 1 => Some(x),
                    _ => None,
                }
            };
            vec![x.into_iter().map(on_one).collect()]
        }),
        Op::Binary(binary) => match (spread(inputs, 0, facts), spread(inputs, 1, facts)) {
            (Some(a), Some(b)) => {
                let on_two = |(a, b): (&Option<Ratio>, &Option<Ratio>)| {
                    let (a, b) = (a.as_ref()?, b.as_ref()?);
                    match binary {
                        Binary::Add => a.plus(b),
                        Binary::Sub => a.plus(&b.neg()?),
                        Binary::Mul => a.times(b),
                        Binary::Div => a.over(b),
                        _ => None,
                    }
                };
                Some(vec![a.iter().zip(&b).map(on_two).collect()])
            }
            _ => None,
        },
        Op::Reshape { .. }
        | Op::Flatten { .. }
        | Op::Squeeze
        | Op::Unsqueeze
        | Op::Expand
        | Op::Tile
        | Op::Gather { .. }
        | Op::Slice
        | Op::Transpose { .. }
        | Op::Split { .. } => moved(op, inputs, 1, facts.len(), ratios)?,
        Op::Concat { .. } => moved(op, inputs, inputs.0.len(), 1, ratios)?,
        _ => None,
    };
    for (fact, result) in facts.iter_mut().zip(results.unwrap_or_default()) {
        if result.iter().any(Option::is_some) {
            fact.ratios = Some(result);
        }
    }
    Ok(())
}

/// The elements of input `index`, broadcast to the shape of the result.
fn spread(inputs: Facts<'_>, index: usize, facts: &[Fact]) -> Option<Vec<Option<Ratio>>> {
    let shape = facts.first().and_then(Fact::known_shape)?;
    let fact = inputs.opt(index)?;
    let elements = ratios(fact)?;
    let numbers = Tensor::i64(fact.known_shape()?, (0..elements.len() as i64).collect())?;
    super::values::spread_numbers(&numbers, &shape)?
        .iter()
        .map(|number| {
            let number = usize::try_from(*number).ok()?;
            elements.get(number).cloned()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_of_a_resized_signal() {
        let length = Ratio::integer(SymInt::symbol("T")).expect("determined");
        let scaled = |scale: f32| length.times(&Ratio::number(scale).expect("simple")).expect("fits");
        assert_eq!(scaled(2.0).floor(), SymInt::symbol("T").mul(&SymInt::Known(2)));
        assert_eq!(scaled(0.5).floor(), SymInt::symbol("T").div_floor(2));
        assert_eq!(scaled(1.0 / 3.0).ceil(), SymInt::symbol("T").div_ceil(3));
        let padded = length.over(&Ratio::number(32.0).expect("whole")).expect("fits");
        let frames = Ratio::integer(padded.ceil()).expect("determined");
        let whole = frames.times(&Ratio::number(32.0).expect("whole")).expect("fits");
        assert_eq!(
            whole.truncate(),
            SymInt::symbol("T").div_ceil(32).mul(&SymInt::Known(32))
        );
        let half = Ratio::number(0.5).expect("simple");
        assert_eq!(padded.plus(&half).expect("fits").floor().to_string(), "⌊(T+16)/32⌋");
        assert_eq!(Ratio::number(std::f32::consts::PI), None);
        assert_eq!(Ratio::number(f32::NAN), None);
        assert_eq!(Ratio::number(f32::MAX), None);
        assert!(length.over(&Ratio::number(0.0).expect("whole")).is_none());
    }
}
