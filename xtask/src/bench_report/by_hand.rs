//! Figures of engines that the project does not build, measured by hand beside ours, by turns.

use anyhow::{Context, Result, ensure};

/// The columns of the file.
const COLUMNS: &str = "date,machine,commit,model,block,engine,version,flags,p50_us,p99_us,our_isa,our_p50_us";

/// One line of it.
#[derive(Clone, Debug, PartialEq)]
pub struct ByHand {
    /// Day.
    pub date: String,
    /// The name of its history.
    pub machine: String,
    /// What of, of ours.
    pub commit: String,
    /// Which network.
    pub model: String,
    /// Frames per block.
    pub block: usize,
    /// Who.
    pub engine: String,
    /// With what it was built on.
    pub version: String,
    /// Of the compiler.
    pub flags: String,
    /// Median of a block.
    pub p50_us: f64,
    /// 99th percentile of a block.
    pub p99_us: f64,
    /// Our instruction set.
    pub our_isa: String,
    /// Our median, in the same sitting.
    pub our_p50_us: f64,
}

impl ByHand {
    /// Our lead.
    pub fn ratio(&self) -> f64 {
        self.p50_us / self.our_p50_us
    }
}

/// Reads the file; an empty one has no figures.
///
/// # Errors
/// It has other columns, or a line that cannot be read.
pub fn read(text: &str) -> Result<Vec<ByHand>> {
    let mut lines = text.lines().filter(|line| !line.is_empty());
    let Some(columns) = lines.next() else {
        return Ok(Vec::new());
    };
    ensure!(columns == COLUMNS, "its columns are not {COLUMNS}");
    lines
        .map(|line| parse(line).with_context(|| format!("in: {line}")))
        .collect()
}

fn parse(line: &str) -> Result<ByHand> {
    let fields: Vec<&str> = line.split(',').collect();
    let [
        date,
        machine,
        commit,
        model,
        block,
        engine,
        version,
        flags,
        p50,
        p99,
        our_isa,
        our_p50,
    ] = fields[..]
    else {
        anyhow::bail!("not {} columns", COLUMNS.split(',').count())
    };
    let positive = |text: &str| -> Result<f64> {
        let value: f64 = text.parse().with_context(|| format!("`{text}` is no number"))?;
        ensure!(value > 0.0 && value.is_finite(), "`{text}` is no time");
        Ok(value)
    };
    Ok(ByHand {
        date: date.into(),
        machine: machine.into(),
        commit: commit.into(),
        model: model.into(),
        block: block.parse().context("the block is no number")?,
        engine: engine.into(),
        version: version.into(),
        flags: flags.into(),
        p50_us: positive(p50)?,
        p99_us: positive(p99)?,
        our_isa: our_isa.into(),
        our_p50_us: positive(our_p50)?,
    })
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A line for `model` at 64.
    pub fn by_hand(model: &str, engine: &str, flags: &str, isa: &str, theirs: f64, ours: f64) -> ByHand {
        parse(&format!(
            "d,m,c,{model},64,{engine},1,{flags},{theirs},{theirs},{isa},{ours}"
        ))
        .expect("a line")
    }

    #[test]
    fn a_line_gives_its_ratio_and_wrong_ones_are_told() {
        let text = format!("{COLUMNS}\n2026-11-21,m,c,a1,64,Other,1.0,-O3,30.0,31.0,avx512,10.0\n");
        let read_back = read(&text).expect("a line");
        assert_eq!(read_back.len(), 1);
        assert!((read_back[0].ratio() - 3.0).abs() < 1e-9);
        assert_eq!(read("").expect("nothing").len(), 0);
        for wrong in ["a,b", "d,m,c,a1,64,O,1,f,0,1,i,1", "d,m,c,a1,x,O,1,f,1,1,i,1", "d,m,c"] {
            assert!(read(&format!("{COLUMNS}\n{wrong}\n")).is_err(), "{wrong}");
        }
        assert!(read("other\n").is_err());
    }
}
