//! Rows to types, by column name. A name is looked up once a statement and not once a row: over
//! fifty messages of eleven columns the look-ups alone would cost as much as the query.

use rusqlite::{Row, Statement};

/// A type that is read from the columns with the names of its fields.
pub(crate) trait FromRow: Sized {
    /// The columns, in the order in which `from_row` asks for them.
    const COLUMNS: &'static [&'static str];

    /// Reads one row.
    fn from_row(row: &Row<'_>, positions: &mut Positions<'_>) -> rusqlite::Result<Self>;
}

/// Where the columns of a type stand in a statement's result.
pub(crate) struct Columns(Vec<usize>);

impl Columns {
    pub(crate) fn of<T: FromRow>(statement: &Statement<'_>) -> rusqlite::Result<Self> {
        T::COLUMNS
            .iter()
            .map(|name| statement.column_index(name))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    pub(crate) fn read<T: FromRow>(&self, row: &Row<'_>) -> rusqlite::Result<T> {
        T::from_row(row, &mut Positions(self.0.iter()))
    }
}

/// Hands out the positions in the order of [`FromRow::COLUMNS`].
pub(crate) struct Positions<'a>(std::slice::Iter<'a, usize>);

impl Positions<'_> {
    pub(crate) fn next(&mut self) -> usize {
        // Past the end: a position that no row has, which reads as an error.
        self.0.next().copied().unwrap_or(usize::MAX)
    }
}

/// Implements [`FromRow`] for a struct: each field from the column of its name.
macro_rules! from_row {
    ($type:ident { $($field:ident),+ $(,)? }) => {
        impl $crate::row::FromRow for $type {
            const COLUMNS: &'static [&'static str] = &[$(stringify!($field)),+];

            fn from_row(
                row: &rusqlite::Row<'_>,
                positions: &mut $crate::row::Positions<'_>,
            ) -> rusqlite::Result<Self> {
                Ok(Self { $($field: row.get(positions.next())?),+ })
            }
        }
    };
}
pub(crate) use from_row;

/// A closed set of words, the same in SQL, in JSON and in TypeScript.
macro_rules! word_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
        #[cfg_attr(feature = "specta", derive(specta::Type))]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $word)] $variant),+
        }

        impl $name {
            /// The word that stands for it in the database.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),+
                }
            }
        }

        impl rusqlite::types::ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
                Ok(rusqlite::types::ToSqlOutput::from(self.as_str()))
            }
        }

        impl rusqlite::types::FromSql for $name {
            fn column_result(
                value: rusqlite::types::ValueRef<'_>,
            ) -> rusqlite::types::FromSqlResult<Self> {
                match value.as_str()? {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(rusqlite::types::FromSqlError::InvalidType),
                }
            }
        }
    };
}
pub(crate) use word_enum;
