//! WAV files: PCM of 16 bits, mono, 8 or 16 kHz. A recording that was cut short, whose header still promises nothing
//! or too much, is read as far as it goes.

use std::path::Path;

use anyhow::{Context as _, ensure};

use super::Sound;

impl Sound {
    /// Reads a recording.
    ///
    /// # Errors
    /// When the file is not there, or holds another kind of sound.
    pub fn read(file: &Path) -> anyhow::Result<Self> {
        let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        Self::from_wav(&bytes).with_context(|| format!("{} is not a recording", file.display()))
    }

    /// Writes it for a telephone to play.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, file: &Path) -> anyhow::Result<()> {
        std::fs::write(file, self.to_wav()).with_context(|| format!("cannot write {}", file.display()))
    }

    fn from_wav(bytes: &[u8]) -> anyhow::Result<Self> {
        ensure!(bytes.len() >= 12 && &bytes[..4] == b"RIFF" && &bytes[8..12] == b"WAVE", "it has no WAV header");
        let (mut rest, mut rate) = (&bytes[12..], None);
        while let [a, b, c, d, l0, l1, l2, l3, body @ ..] = rest {
            let name = [*a, *b, *c, *d];
            let promised = u32::from_le_bytes([*l0, *l1, *l2, *l3]) as usize;
            let len = promised.min(body.len());
            match &name {
                b"fmt " => rate = Some(rate_of(&body[..len])?),
                b"data" => {
                    let rate = rate.context("the sound comes before its format")?;
                    let len = if promised == 0 { body.len() } else { len };
                    let pairs = body[..len].chunks_exact(2);
                    let samples = pairs.map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
                    return Ok(Self { rate, samples });
                }
                _ => {}
            }
            // Chunks begin at even places.
            rest = body.get(len + len % 2..).unwrap_or_default();
        }
        anyhow::bail!("it has no sound")
    }

    fn to_wav(&self) -> Vec<u8> {
        let len = u32::try_from(self.samples.len() * 2).unwrap_or(u32::MAX);
        let mut wav = Vec::with_capacity(44 + self.samples.len() * 2);
        wav.extend(b"RIFF");
        wav.extend((36 + len).to_le_bytes());
        wav.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
        wav.extend(self.rate.to_le_bytes());
        wav.extend((self.rate * 2).to_le_bytes());
        wav.extend(b"\x02\0\x10\0data");
        wav.extend(len.to_le_bytes());
        wav.extend(self.samples.iter().flat_map(|sample| sample.to_le_bytes()));
        wav
    }
}

/// The rate that the chunk `fmt ` names.
fn rate_of(format: &[u8]) -> anyhow::Result<u32> {
    ensure!(format.len() >= 16, "its format is cut off");
    let short = |at: usize| u16::from_le_bytes([format[at], format[at + 1]]);
    let rate = u32::from_le_bytes([format[4], format[5], format[6], format[7]]);
    ensure!(short(0) == 1 && short(14) == 16, "it is not PCM of 16 bits");
    ensure!(short(2) == 1, "it is not mono");
    ensure!([8000, 16_000].contains(&rate), "its rate is {rate}");
    Ok(rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_again() {
        let sound = Sound::speech(1, 333);
        assert_eq!(Sound::from_wav(&sound.to_wav()).unwrap(), sound);
    }

    #[test]
    fn a_recording_that_was_cut_short_is_read_as_far_as_it_goes() {
        let sound = Sound::speech(1, 100);
        let mut wav = sound.to_wav();
        wav.truncate(44 + 200);
        assert_eq!(Sound::from_wav(&wav).unwrap().samples, sound.samples[..100]);
        wav[40..44].fill(0);
        assert_eq!(Sound::from_wav(&wav).unwrap().samples, sound.samples[..100]);
    }

    #[test]
    fn another_kind_of_sound_is_refused_in_words() {
        let wav = Sound::speech(1, 100).to_wav();
        let with = |at: usize, byte: u8| {
            let mut wav = wav.clone();
            wav[at] = byte;
            format!("{:#}", Sound::from_wav(&wav).unwrap_err())
        };
        assert_eq!(with(22, 2), "it is not mono");
        assert_eq!(with(20, 6), "it is not PCM of 16 bits");
        assert_eq!(with(25, 0), "its rate is 64");
        assert_eq!(with(36, b'x'), "it has no sound");
        assert_eq!(with(0, b'x'), "it has no WAV header");
    }
}
