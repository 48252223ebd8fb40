//! Dice whose throws are the input: the same bytes, the same life.

pub(crate) struct Dice {
    bytes: Vec<u8>,
    at: usize,
}

impl Dice {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        Self { bytes: bytes.to_vec(), at: 0 }
    }

    /// Whether all was thrown; from then on they show the smallest number.
    pub(crate) fn is_over(&self) -> bool {
        self.at >= self.bytes.len()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        let byte = self.bytes.get(self.at).copied().unwrap_or(0);
        self.at += 1;
        byte
    }

    /// Takes no more bytes than `n` needs.
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        let (mut value, mut most) = (u64::from(self.byte()), 0xff);
        while most < n - 1 {
            value = value << 8 | u64::from(self.byte());
            most = most << 8 | 0xff;
        }
        value % n
    }

    pub(crate) fn span(&mut self, n: i64) -> i64 {
        i64::try_from(self.below(u64::try_from(n).unwrap())).unwrap()
    }

    pub(crate) fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[usize::try_from(self.below(from.len() as u64)).unwrap()]
    }
}
