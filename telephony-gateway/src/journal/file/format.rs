//! The lines of the ledger: `{"seq":17,"crc":"8d3f00aa","body":{…}}`. Pure.

use serde::Deserialize;
use serde_json::value::RawValue;

#[derive(Deserialize)]
struct Line<'a> {
    seq: u64,
    crc: &'a str,
    #[serde(borrow)]
    body: &'a RawValue,
}

/// Adds one record as a line.
pub(super) fn write_line(out: &mut Vec<u8>, seq: u64, body: &[u8]) {
    let crc = checksum(seq, body);
    out.extend_from_slice(format!("{{\"seq\":{seq},\"crc\":\"{crc:08x}\",\"body\":").as_bytes());
    // The line end divides records; between the tokens of JSON it means nothing, within a text it is escaped.
    out.extend(body.iter().map(|byte| if is_line_end(*byte) { b' ' } else { *byte }));
    out.extend_from_slice(b"}\n");
}

/// Reads one line back.
pub(super) fn read_line(line: &[u8]) -> Result<(u64, Box<RawValue>), &'static str> {
    let line: Line<'_> = serde_json::from_slice(line).map_err(|_| "it is no record")?;
    let written = u32::from_str_radix(line.crc, 16).map_err(|_| "its checksum cannot be read")?;
    if checksum(line.seq, line.body.get().as_bytes()) != written {
        return Err("its checksum does not fit");
    }
    Ok((line.seq, line.body.to_owned()))
}

/// The lines that have their line end; what follows the last one is not written out yet, or torn.
pub(super) fn whole_lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let whole = memchr::memrchr(b'\n', bytes).map_or(0, |end| end + 1);
    bytes[..whole].split_inclusive(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end)
}

/// How many bytes from the beginning are sound, when only the end can be torn.
pub(super) fn sound_length(bytes: &[u8]) -> usize {
    let mut end = memchr::memrchr(b'\n', bytes).map_or(0, |end| end + 1);
    // A power cut can leave a whole line whose middle never reached the disk.
    while end > 0 {
        let begin = memchr::memrchr(b'\n', &bytes[..end - 1]).map_or(0, |before| before + 1);
        if read_line(&bytes[begin..end - 1]).is_ok() {
            break;
        }
        end = begin;
    }
    end
}

fn checksum(seq: u64, body: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&seq.to_be_bytes());
    for piece in body.split(|byte| is_line_end(*byte)) {
        crc.update(piece);
        crc.update(b" ");
    }
    crc.finalize()
}

const fn is_line_end(byte: u8) -> bool {
    byte == b'\n' || byte == b'\r'
}
