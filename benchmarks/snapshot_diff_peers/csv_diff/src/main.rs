//! csv_diff_peer OLD NEW OUT: the crate behind `qsv diff`, key = first column. Writes each difference with its
//! whole images as CSV and prints the seconds from the first byte read to the last byte written.
use csv_diff::{csv::Csv, csv_diff::CsvByteDiff, diff_row::DiffByteRecord};
use std::{env, error::Error, fs::File, time::Instant};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<(), Box<dyn Error>> {
    let paths: Vec<String> = env::args().skip(1).collect();
    let start = Instant::now();
    let (old, new) = (File::open(&paths[0])?, File::open(&paths[1])?);
    let mut out = csv::WriterBuilder::new().flexible(true).from_path(&paths[2])?;
    let mut image = |op: &[u8], record: &csv::ByteRecord| out.write_record([op].into_iter().chain(record.iter()));
    let found = CsvByteDiff::new()?.diff(Csv::with_reader_seek(old), Csv::with_reader_seek(new));
    let mut events = 0;
    for difference in found {
        events += 1;
        match difference? {
            DiffByteRecord::Add(record) => image(b"c", record.byte_record())?,
            DiffByteRecord::Delete(record) => image(b"d", record.byte_record())?,
            DiffByteRecord::Modify { delete, add, .. } => {
                image(b"before", delete.byte_record())?;
                image(b"after", add.byte_record())?;
            }
        }
    }
    out.flush()?;
    println!("{} {:.4}", events, start.elapsed().as_secs_f64());
    Ok(())
}
