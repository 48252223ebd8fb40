//! The tests that name items of the list: `/// Security: 9, 10.` stands above their attributes.

use super::super::Problem;
use super::super::tree::{File, Tree};

const MARKER: &str = "/// Security:";

/// A test that names items.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Proof {
    pub(super) path: String,
    /// Of the marker.
    pub(super) line: usize,
    pub(super) items: Vec<u32>,
    /// The name of the function.
    pub(super) test: String,
}

/// All of them, in the order of their files, and the markers that are none.
pub(super) fn read(tree: &Tree) -> (Vec<Proof>, Vec<Problem>) {
    let (mut proofs, mut problems) = (Vec::new(), Vec::new());
    for file in tree.files.iter().filter(|file| file.path.ends_with(".rs")) {
        let marked = file.text.lines().enumerate().filter_map(|(index, line)| Some((index, line.trim().strip_prefix(MARKER)?)));
        for (index, numbers) in marked {
            match proof(file, index, numbers) {
                Ok(proof) => proofs.push(proof),
                Err(advice) => problems.push(Problem::at(&file.path, index + 1, advice)),
            }
        }
    }
    proofs.sort_by(|a, b| (&a.path, a.line).cmp(&(&b.path, b.line)));
    (proofs, problems)
}

fn proof(file: &File, index: usize, numbers: &str) -> Result<Proof, &'static str> {
    let items = numbers_in(numbers).ok_or("name items like this: `/// Security: 9, 10.`")?;
    let test =
        test_below(&file.text, index).ok_or("this stands above no test: put it between a test's comment and its attributes")?;
    Ok(Proof { path: file.path.clone(), line: index + 1, items, test })
}

/// Of ` 9, 10.`; each once, in their order.
fn numbers_in(text: &str) -> Option<Vec<u32>> {
    let numbers = text.strip_suffix('.')?.split(',').map(|number| number.strip_prefix(' ')?.parse().ok());
    let numbers: Vec<u32> = numbers.collect::<Option<_>>()?;
    numbers.is_sorted_by(|a, b| a < b).then_some(numbers)
}

/// The function below the marker, when nothing but attributes stands between, and one of them says that it is a test.
fn test_below(text: &str, marker: usize) -> Option<String> {
    let mut is_test = false;
    for line in text.lines().skip(marker + 1).map(str::trim) {
        if line.starts_with("#[") {
            is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
        } else {
            let signature = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ")?;
            return is_test.then(|| signature.split(['(', '<']).next().unwrap_or_default().to_owned());
        }
    }
    None
}
