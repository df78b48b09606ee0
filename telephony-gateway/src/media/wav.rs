//! Reads a recording for playing to a caller: WAV, mono, 8 or 16 kHz, as linear samples or in either G.711 law.

use std::io::Cursor;

use super::{SAMPLE_RATE, g711::Codec};

#[derive(Debug, thiserror::Error)]
pub enum WavError {
    #[error("this is not a WAV file")]
    NotWav,
    #[error("the WAV file ends before its sound begins")]
    Torn,
    #[error("the WAV file has {0} channels, a mono file is needed")]
    Channels(u16),
    #[error("the WAV file has {0} samples a second, 8000 or 16000 are needed")]
    Rate(u32),
    #[error("the WAV file holds samples of {0} bits, 8, 16, 24 or 32 bits of PCM or either G.711 law are needed")]
    Bits(u16),
    #[error("cannot read the samples of the WAV file")]
    Samples { source: hound::Error },
    #[error("the WAV file holds no sound")]
    Empty,
}

/// The sound of a whole file as 8 kHz linear samples.
pub fn read(file: &[u8]) -> Result<Vec<i16>, WavError> {
    let format = Format::of(file)?;
    if format.n_channels != 1 {
        return Err(WavError::Channels(format.n_channels));
    }
    if format.rate != SAMPLE_RATE && format.rate != 2 * SAMPLE_RATE {
        return Err(WavError::Rate(format.rate));
    }
    // Hound knows no G.711; such a file is plain bytes, one a sample.
    let samples = match format.tag {
        6 => chunk(file, b"data")?.iter().map(|&byte| Codec::Pcma.decode(byte)).collect(),
        7 => chunk(file, b"data")?.iter().map(|&byte| Codec::Pcmu.decode(byte)).collect(),
        _ => linear_samples(file)?,
    };
    match samples.is_empty() {
        true => Err(WavError::Empty),
        false if format.rate == SAMPLE_RATE => Ok(samples),
        false => Ok(halve(&samples)),
    }
}

fn linear_samples(file: &[u8]) -> Result<Vec<i16>, WavError> {
    let failed = |source| WavError::Samples { source };
    let mut reader = hound::WavReader::new(Cursor::new(file)).map_err(failed)?;
    let spec = reader.spec();
    match (spec.sample_format, spec.bits_per_sample) {
        (hound::SampleFormat::Int, bits @ (8 | 16 | 24 | 32)) => reader
            .samples::<i32>()
            .map(|sample| sample.map(|sample| (i64::from(sample) << 16 >> bits) as i16).map_err(failed))
            .collect(),
        (hound::SampleFormat::Float, 32) => reader
            .samples::<f32>()
            .map(|sample| sample.map(|sample| (sample.clamp(-1.0, 1.0) * f32::from(i16::MAX)) as i16).map_err(failed))
            .collect(),
        (_, bits) => Err(WavError::Bits(bits)),
    }
}

/// From 16 to 8 kHz: a half-band filter takes away what 8 kHz cannot carry, then every other sample goes.
fn halve(samples: &[i16]) -> Vec<i16> {
    /// Taps at ±1, ±3, ±5, ±7 of a windowed half-band filter; the middle tap is one half, the even ones are zero.
    const TAPS: [f32; 4] = [0.311, -0.081, 0.025, -0.005];
    let at = |n: isize| f32::from(*samples.get(usize::try_from(n).unwrap_or(usize::MAX)).unwrap_or(&0));
    (0..samples.len() as isize)
        .step_by(2)
        .map(|middle| {
            let sides = TAPS.iter().zip([1, 3, 5, 7]).map(|(tap, away)| tap * (at(middle - away) + at(middle + away)));
            (0.5 * at(middle) + sides.sum::<f32>()).clamp(-32768.0, 32767.0) as i16
        })
        .collect()
}

struct Format {
    tag: u16,
    n_channels: u16,
    rate: u32,
}

impl Format {
    fn of(file: &[u8]) -> Result<Self, WavError> {
        if file.get(..4) != Some(b"RIFF") || file.get(8..12) != Some(b"WAVE") {
            return Err(WavError::NotWav);
        }
        let Some(&[tag_low, tag_high, channels_low, channels_high, rate_0, rate_1, rate_2, rate_3]) =
            chunk(file, b"fmt ")?.first_chunk()
        else {
            return Err(WavError::Torn);
        };
        Ok(Self {
            tag: u16::from_le_bytes([tag_low, tag_high]),
            n_channels: u16::from_le_bytes([channels_low, channels_high]),
            rate: u32::from_le_bytes([rate_0, rate_1, rate_2, rate_3]),
        })
    }
}

/// The bytes of a chunk of a RIFF file; what a torn file still has of them.
fn chunk<'f>(file: &'f [u8], name: &[u8; 4]) -> Result<&'f [u8], WavError> {
    let mut rest = file.get(12..).ok_or(WavError::NotWav)?;
    loop {
        let (head, after) = rest.split_first_chunk::<8>().ok_or(WavError::Torn)?;
        let len = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
        if head.starts_with(name) {
            return Ok(&after[..len.min(after.len())]);
        }
        rest = after.get(len.saturating_add(len % 2)..).ok_or(WavError::Torn)?;
    }
}

#[cfg(test)]
mod tests {
    use std::f32::consts::TAU;

    use super::*;

    fn pcm(rate: u32, n_channels: u16, samples: &[i16]) -> Vec<u8> {
        let mut file = Cursor::new(Vec::new());
        let spec = hound::WavSpec {
            channels: n_channels,
            sample_rate: rate,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut writer = hound::WavWriter::new(&mut file, spec).unwrap();
        for &sample in samples {
            writer.write_sample(sample).unwrap();
        }
        writer.finalize().unwrap();
        file.into_inner()
    }

    fn g711(tag: u16, bytes: &[u8]) -> Vec<u8> {
        let mut file = b"RIFF\0\0\0\0WAVEfmt \x12\0\0\0".to_vec();
        file.extend(tag.to_le_bytes());
        file.extend([1, 0, 0x40, 0x1F, 0, 0, 0x40, 0x1F, 0, 0, 1, 0, 8, 0, 0, 0]);
        file.extend(b"LIST\x03\0\0\0abc\0"); // an odd chunk is padded
        file.extend(b"data");
        file.extend((bytes.len() as u32).to_le_bytes());
        file.extend(bytes);
        file
    }

    fn sine(rate: u32, hertz: f32) -> Vec<i16> {
        (0..rate).map(|n| (10_000.0 * (TAU * hertz * n as f32 / rate as f32).sin()) as i16).collect()
    }

    fn loudness(samples: &[i16]) -> f32 {
        (samples.iter().map(|&sample| f32::from(sample).powi(2)).sum::<f32>() / samples.len() as f32).sqrt()
    }

    #[test]
    fn a_file_at_8_khz_is_taken_as_it_is() {
        let samples = [0, 100, -100, i16::MAX, i16::MIN];
        assert_eq!(read(&pcm(8000, 1, &samples)).unwrap(), samples);
    }

    #[test]
    fn a_file_in_either_law_is_decoded() {
        assert_eq!(read(&g711(6, &[0xD5, 0xAA])).unwrap(), [8, 32256]);
        assert_eq!(read(&g711(7, &[0xFF, 0x80])).unwrap(), [0, 32124]);
    }

    #[test]
    fn a_file_at_16_khz_keeps_the_voice_and_loses_what_8_khz_cannot_carry() {
        let voice = read(&pcm(16_000, 1, &sine(16_000, 1000.0))).unwrap();
        assert_eq!(voice.len(), 8000);
        assert!((loudness(&voice) / 7071.0 - 1.0).abs() < 0.05, "{}", loudness(&voice));
        let hiss = read(&pcm(16_000, 1, &sine(16_000, 7000.0))).unwrap();
        assert!(loudness(&hiss) < 350.0, "{}", loudness(&hiss));
    }

    #[test]
    fn a_file_that_cannot_be_played_says_why() {
        let check = |file: &[u8], words: &str| assert_eq!(read(file).unwrap_err().to_string(), words);
        check(b"ID3 not a wave", "this is not a WAV file");
        check(&pcm(8000, 2, &[1, 2]), "the WAV file has 2 channels, a mono file is needed");
        check(&pcm(44_100, 1, &[1]), "the WAV file has 44100 samples a second, 8000 or 16000 are needed");
        check(&pcm(8000, 1, &[]), "the WAV file holds no sound");
        check(&g711(6, &[1])[..30], "the WAV file ends before its sound begins");
    }
}
