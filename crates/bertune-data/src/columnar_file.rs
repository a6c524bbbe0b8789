use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use arrow_ipc::reader::{FileReader, StreamReader};
use arrow_schema::{ArrowError, SchemaRef};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::{DataError, FileFormat};

/// Rows in batches, each column as one array.
pub(crate) type Batches = Box<dyn Iterator<Item = Result<RecordBatch, ArrowError>>>;

/// A parquet or arrow file, opened.
#[derive(Debug)]
pub(crate) struct ColumnarFile {
    path: PathBuf,
    kind: Kind,
    pub(crate) schema: SchemaRef,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Parquet,
    /// With an index at its end.
    ArrowFile,
    /// As Hugging Face's datasets write it.
    ArrowStream,
}

impl ColumnarFile {
    /// Looks at the marks of the file, then reads its schema.
    pub(crate) fn open(path: &Path, format: FileFormat) -> Result<Self, DataError> {
        if path.is_dir() {
            return Err(DataError::Folder { path: path.into() });
        }
        let kind = Kind::of(path, format)?;
        let file = open(path)?;
        let schema = match kind {
            Kind::Parquet => ParquetRecordBatchReaderBuilder::try_new(file)
                .map(|reader| reader.schema().clone())
                .map_err(ArrowError::from),
            Kind::ArrowFile => {
                FileReader::try_new(BufReader::new(file), None).map(|reader| reader.schema())
            }
            Kind::ArrowStream => {
                StreamReader::try_new(BufReader::new(file), None).map(|reader| reader.schema())
            }
        };
        let schema = schema.map_err(|error| damaged(path, format, &error))?;
        Ok(Self { path: path.into(), kind, schema })
    }

    /// The columns at these places, which ascend.
    pub(crate) fn batches(&self, places: &[usize]) -> Result<Batches, DataError> {
        let file = open(&self.path)?;
        let batches = match self.kind {
            Kind::Parquet => parquet_batches(file, places),
            Kind::ArrowFile => FileReader::try_new(BufReader::new(file), Some(places.into()))
                .map(|reader| Box::new(reader) as Batches),
            Kind::ArrowStream => StreamReader::try_new(BufReader::new(file), Some(places.into()))
                .map(|reader| Box::new(reader) as Batches),
        };
        batches.map_err(|error| damaged(&self.path, self.kind.format(), &error))
    }
}

/// What a file whose inside contradicts its marks is told to be.
pub(crate) fn damaged(path: &Path, format: FileFormat, error: &ArrowError) -> DataError {
    DataError::Damaged { path: path.into(), format, reason: error.to_string() }
}

fn open(path: &Path) -> Result<File, DataError> {
    File::open(path).map_err(|source| DataError::Read { path: path.into(), source })
}

fn parquet_batches(file: File, places: &[usize]) -> Result<Batches, ArrowError> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(file)?;
    let wanted = ProjectionMask::roots(reader.parquet_schema(), places.iter().copied());
    Ok(Box::new(reader.with_projection(wanted).build()?))
}

impl Kind {
    fn of(path: &Path, format: FileFormat) -> Result<Self, DataError> {
        let marks = Marks::read(path)?;
        let refused = |reason: &str| {
            let reason = reason.into();
            Err(DataError::Damaged { path: path.into(), format, reason })
        };
        let is_parquet = format == FileFormat::Parquet;
        let (begins, ends) =
            (|mark| marks.first.starts_with(mark), |mark| marks.last.ends_with(mark));
        match () {
            () if marks.first.is_empty() => Err(DataError::Empty { path: path.into(), header: "" }),
            () if is_parquet && !begins(b"PAR1") => refused("it does not begin with PAR1"),
            () if is_parquet && !ends(b"PAR1") => refused("its end, PAR1, is cut off"),
            () if is_parquet => Ok(Self::Parquet),
            () if begins(b"FEA1") => refused("it is of Feather's first version; write version 2"),
            () if begins(b"ARROW1") && !ends(b"ARROW1") => refused("its end, ARROW1, is cut off"),
            () if begins(b"ARROW1") => Ok(Self::ArrowFile),
            () if begins(b"\xff\xff\xff\xff") => Ok(Self::ArrowStream),
            () => refused("it begins neither with ARROW1 nor as a stream does"),
        }
    }

    fn format(self) -> FileFormat {
        match self {
            Self::Parquet => FileFormat::Parquet,
            Self::ArrowFile | Self::ArrowStream => FileFormat::Arrow,
        }
    }
}

/// The first and the last bytes of a file.
struct Marks {
    first: Vec<u8>,
    last: Vec<u8>,
}

impl Marks {
    const LENGTH: u64 = 8;

    fn read(path: &Path) -> Result<Self, DataError> {
        let read = || {
            let mut file = File::open(path)?;
            let (mut first, mut last) = (Vec::new(), Vec::new());
            file.by_ref().take(Self::LENGTH).read_to_end(&mut first)?;
            let length = file.metadata()?.len();
            file.seek(SeekFrom::Start(length.saturating_sub(Self::LENGTH)))?;
            file.take(Self::LENGTH).read_to_end(&mut last)?;
            Ok(Self { first, last })
        };
        read().map_err(|source| DataError::Read { path: path.into(), source })
    }
}
