//! G.711: a sample in a byte, in the European (A) and the American (µ) law.
//!
//! Both laws are a sign, a segment of three bits and a step of four bits; each segment has steps twice as wide as
//! the one below it. On the line the A-law inverts every even bit and the µ-law inverts all of them. Linear
//! samples here are 16 bits wide: the 13 bits of the A-law and the 14 bits of the µ-law stand at the top.

/// The codecs which a leg of ours may speak, and their static payload types (RFC 3551 section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Codec {
    Pcma,
    Pcmu,
}

impl Codec {
    pub const fn payload_type(self) -> u8 {
        match self {
            Self::Pcmu => 0,
            Self::Pcma => 8,
        }
    }

    pub const fn of_payload_type(payload_type: u8) -> Option<Self> {
        match payload_type {
            0 => Some(Self::Pcmu),
            8 => Some(Self::Pcma),
            _ => None,
        }
    }

    pub const fn encode(self, sample: i16) -> u8 {
        match self {
            Self::Pcma => encode_a(sample),
            Self::Pcmu => encode_u(sample),
        }
    }

    pub const fn decode(self, byte: u8) -> i16 {
        match self {
            Self::Pcma => A_TO_LINEAR[byte as usize],
            Self::Pcmu => U_TO_LINEAR[byte as usize],
        }
    }

    /// Writes `bytes` of this codec as bytes of `other`; the caller gives an `out` of the same length.
    pub fn transcode(self, other: Self, bytes: &[u8], out: &mut [u8]) {
        match (self, other) {
            (Self::Pcma, Self::Pcmu) => translate(&A_TO_U, bytes, out),
            (Self::Pcmu, Self::Pcma) => translate(&U_TO_A, bytes, out),
            (Self::Pcma, Self::Pcma) | (Self::Pcmu, Self::Pcmu) => out.copy_from_slice(bytes),
        }
    }
}

/// So many bytes of silence; at most as many as a packet can carry.
pub fn silence(codec: Codec, n_bytes: usize) -> &'static [u8] {
    const LONGEST: usize = 1600;
    static SILENT_A: [u8; LONGEST] = [Codec::Pcma.encode(0); LONGEST];
    static SILENT_U: [u8; LONGEST] = [Codec::Pcmu.encode(0); LONGEST];
    let silent = match codec {
        Codec::Pcma => &SILENT_A,
        Codec::Pcmu => &SILENT_U,
    };
    &silent[..n_bytes.min(LONGEST)]
}

fn translate(table: &[u8; 256], bytes: &[u8], out: &mut [u8]) {
    for (to, &from) in out.iter_mut().zip(bytes) {
        *to = table[from as usize];
    }
}

const A_TO_LINEAR: [i16; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = decode_a(byte as u8);
        byte += 1;
    }
    table
};

const U_TO_LINEAR: [i16; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = decode_u(byte as u8);
        byte += 1;
    }
    table
};

const A_TO_U: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = encode_u(A_TO_LINEAR[byte]);
        byte += 1;
    }
    table
};

const U_TO_A: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = encode_a(U_TO_LINEAR[byte]);
        byte += 1;
    }
    table
};

const fn encode_a(sample: i16) -> u8 {
    // One's complement, so that -1 falls into the first negative interval and -32768 does not overflow.
    let (sign, magnitude) = if sample >= 0 { (0x80, sample as u16) } else { (0, !(sample as u16)) };
    let steps = magnitude >> 4;
    let code = if steps < 32 {
        steps as u8
    } else {
        let segment = 12 - steps.leading_zeros() as u16;
        ((segment << 4) | ((steps >> (segment - 1)) & 0x0F)) as u8
    };
    (sign | code) ^ 0x55
}

const fn decode_a(byte: u8) -> i16 {
    let code = byte ^ 0x55;
    let segment = (code >> 4) & 7;
    let step = (code & 0x0F) as i16;
    let magnitude = if segment == 0 { (step << 4) + 8 } else { ((step << 4) + 0x108) << (segment - 1) };
    if code & 0x80 != 0 { magnitude } else { -magnitude }
}

/// The µ-law's segments begin at powers of two once 33 (in 14 bits) is added.
const U_BIAS: i32 = 33 << 2;
const U_CLIP: i32 = 8158 << 2;

const fn encode_u(sample: i16) -> u8 {
    let (sign, magnitude) = if sample >= 0 { (0x80, sample as i32) } else { (0, -(sample as i32)) };
    let biased = (if magnitude > U_CLIP { U_CLIP } else { magnitude }) + U_BIAS;
    let segment = 24 - biased.leading_zeros() as i32;
    let step = (biased >> (segment + 3)) & 0x0F;
    // The bits are sent inverted (G.711 table 2, note 2), the sign bit already stands as it is sent.
    sign | (!((segment << 4) | step) as u8 & 0x7F)
}

const fn decode_u(byte: u8) -> i16 {
    let code = !byte;
    let segment = (code >> 4) & 7;
    let step = (code & 0x0F) as i32;
    let magnitude = (((step << 3) + U_BIAS) << segment) - U_BIAS;
    if byte & 0x80 != 0 { magnitude as i16 } else { -magnitude as i16 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tables 1a and 2a of the Recommendation: for each segment, how many intervals it has and how wide they are,
    /// in the units of the law, from the quietest up.
    const A_LAW: [(usize, i32); 7] = [(32, 2), (16, 4), (16, 8), (16, 16), (16, 32), (16, 64), (16, 128)];
    const U_LAW: [(usize, i32); 9] =
        [(1, 1), (15, 2), (16, 4), (16, 8), (16, 16), (16, 32), (16, 64), (16, 128), (16, 256)];

    /// The decision values of a law, its intervals' lower ends and the last one's upper end.
    fn decision_values(segments: &[(usize, i32)]) -> Vec<i32> {
        let mut values = vec![0];
        for &(n_intervals, width) in segments {
            for _ in 0..n_intervals {
                values.push(values[values.len() - 1] + width);
            }
        }
        values
    }

    /// Every sample of every interval gets the interval's character signal and comes back as its middle value.
    fn check(
        codec: Codec,
        segments: &[(usize, i32)],
        unit: i32,
        signal: impl Fn(u8) -> u8,
        middle: impl Fn(i32, i32) -> i32,
    ) {
        let values = decision_values(segments);
        assert_eq!(values.len(), 129, "a law has 128 intervals on each side");
        for (n, ends) in values.windows(2).enumerate() {
            let byte = signal(n as u8);
            let expected = middle(ends[0], ends[1]) * unit;
            assert_eq!(i32::from(codec.decode(byte)), expected, "interval {n}");
            assert_eq!(i32::from(codec.decode(byte ^ 0x80)), -expected, "interval -{n}");
            for sample in ends[0] * unit..(ends[1] * unit).min(32_768) {
                assert_eq!(codec.encode(sample as i16), byte, "sample {sample}");
            }
            for sample in ends[0] * unit + 1..(ends[1] * unit).min(32_768) {
                assert_eq!(codec.encode(-sample as i16), byte ^ 0x80, "sample -{sample}");
            }
        }
    }

    #[test]
    fn the_a_law_is_the_one_of_the_recommendation() {
        // The decision values count 4096 on each side; a 16 bit sample is eight of them. The line inverts even bits.
        check(Codec::Pcma, &A_LAW, 8, |n| (0x80 | n) ^ 0x55, |from, to| (from + to) / 2);
    }

    #[test]
    fn the_mu_law_is_the_one_of_the_recommendation() {
        // 8159 units on each side, a 16 bit sample is four of them; the lowest interval stands for silence.
        let middle = |from, to| if from == 0 { 0 } else { (from + to) / 2 };
        check(Codec::Pcmu, &U_LAW, 4, |n| 0xFF - n, middle);
    }

    #[test]
    fn the_loudest_samples_do_not_wrap_around() {
        for codec in [Codec::Pcma, Codec::Pcmu] {
            assert!(codec.decode(codec.encode(i16::MAX)) > 31_000);
            assert!(codec.decode(codec.encode(i16::MIN)) < -31_000);
        }
    }

    #[test]
    fn what_was_coded_once_stays_itself_however_often_it_is_coded_again() {
        for byte in 0..=255 {
            for codec in [Codec::Pcma, Codec::Pcmu] {
                let again = codec.encode(codec.decode(byte));
                assert_eq!(codec.decode(again), codec.decode(byte), "{codec:?} {byte:#04x}");
            }
        }
    }

    #[test]
    fn a_talk_between_the_two_laws_keeps_its_loudness() {
        let mut there = [0; 256];
        let mut back = [0; 256];
        let all: Vec<u8> = (0..=255).collect();
        Codec::Pcma.transcode(Codec::Pcmu, &all, &mut there);
        Codec::Pcmu.transcode(Codec::Pcma, &there, &mut back);
        for (byte, &returned) in all.iter().zip(&back) {
            let (was, is) = (i32::from(Codec::Pcma.decode(*byte)), i32::from(Codec::Pcma.decode(returned)));
            // One step of the coarser law: an eighth of the value, or the width of the lowest intervals.
            assert!((was - is).abs() <= (was.abs() / 8).max(16), "{was} became {is}");
        }
    }
}
