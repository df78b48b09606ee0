use std::marker::PhantomData;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// A value that is kept as the JSON it travels as: packed once, off the loop, and opened where it is shown.
///
/// A customer's card with its history is tens of kilobytes; the loop that owns the calls passes it on without
/// looking inside, and a desk opens it off the thread that draws.
pub struct Sealed<T> {
    json: Arc<RawValue>,
    kind: PhantomData<fn() -> T>,
}

impl<T: Serialize> Sealed<T> {
    /// Packs the value.
    ///
    /// # Errors
    /// When the value cannot be JSON, for example a map with keys that are no text.
    pub fn pack(value: &T) -> Result<Self, serde_json::Error> {
        let json = serde_json::value::to_raw_value(value)?;
        Ok(Self { json: Arc::from(json), kind: PhantomData })
    }
}

impl<T: DeserializeOwned> Sealed<T> {
    /// Unpacks the value.
    ///
    /// # Errors
    /// When the other side has sent something else.
    pub fn open(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.json.get())
    }
}

impl<T> Sealed<T> {
    /// Seals what is JSON already, without looking at what it says.
    ///
    /// # Errors
    /// When it is no JSON.
    pub fn from_json(json: String) -> Result<Self, serde_json::Error> {
        Ok(Self { json: Arc::from(RawValue::from_string(json)?), kind: PhantomData })
    }

    /// A sealed JSON null, for what should never be needed.
    pub fn null() -> Self {
        Self { json: Arc::from(RawValue::NULL.to_owned()), kind: PhantomData }
    }

    pub fn json(&self) -> &str {
        self.json.get()
    }
}

impl<T> Clone for Sealed<T> {
    fn clone(&self) -> Self {
        Self { json: Arc::clone(&self.json), kind: PhantomData }
    }
}

impl<T> std::fmt::Debug for Sealed<T> {
    /// What is inside belongs to a person; a log line shows its size.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sealed({} bytes)", self.json.get().len())
    }
}

impl<T> Serialize for Sealed<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.json.serialize(serializer)
    }
}

impl<'de, T> Deserialize<'de> for Sealed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = Box::<RawValue>::deserialize(deserializer)?;
        Ok(Self { json: Arc::from(json), kind: PhantomData })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_value_travels_and_opens_as_it_was() {
        let sealed = Sealed::pack(&vec!["Соколова".to_owned()]).unwrap();
        let line = serde_json::to_string(&sealed).unwrap();
        let back: Sealed<Vec<String>> = serde_json::from_str(&line).unwrap();
        assert_eq!(back.open().unwrap(), ["Соколова"]);
        assert!(!format!("{back:?}").contains("Соколова"));
    }

    #[test]
    fn what_is_json_already_is_sealed_as_it_is_and_nothing_else_is() {
        let sealed = Sealed::<Vec<i64>>::from_json("[1, 2]".into()).unwrap();
        assert_eq!((sealed.json(), sealed.open().unwrap()), ("[1, 2]", vec![1, 2]));
        for broken in ["", "[1, 2", "[1],", "Соколова"] {
            assert!(Sealed::<Vec<i64>>::from_json(broken.into()).is_err(), "{broken}");
        }
    }
}
