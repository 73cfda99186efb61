//! Long lists that lose their last value, however they travel: as an array, as a document, or each value for itself.

use selfsame::value::{Value, ValueRef};

/// An array without its last value, if it has more than `beyond`.
pub(super) fn array_cut(values: &mut Vec<Value>, beyond: usize) -> bool {
    let is_long = values.len() > beyond;
    if is_long {
        values.pop();
    }
    is_long
}

/// The text of a JSON array of more than `beyond` integers without its last one.
pub(super) fn document_cut(value: ValueRef<'_>, beyond: usize) -> Option<Value> {
    let ValueRef::Text(text) = value else {
        return None;
    };
    let inner = text.strip_prefix('[')?.strip_suffix(']')?;
    let is_of_integers = inner
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'-' || byte == b',');
    if !is_of_integers || inner.split(',').count() <= beyond {
        return None;
    }
    let (kept, _) = inner.rsplit_once(',')?;
    Some(Value::Text(format!("[{kept}]")))
}

/// Of more than `beyond` integers for themselves the last is the first again, which changes no list but for the value that is lost.
pub(super) fn repeated(params: &[Option<&Value>], beyond: usize) -> Option<Value> {
    if params.len() <= beyond {
        return None;
    }
    let mut all = params
        .iter()
        .map(|value| matches!(value, Some(Value::I64(_))));
    match all.all(|is_integer| is_integer) {
        true => params.first().copied().flatten().cloned(),
        false => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_value_goes_and_no_other() {
        let mut values = vec![Value::I64(1), Value::I64(2), Value::I64(3)];
        assert!(!array_cut(&mut values, 3) && array_cut(&mut values, 2));
        assert_eq!(values, [Value::I64(1), Value::I64(2)]);
        let cut = |text, beyond| document_cut(ValueRef::Text(text), beyond);
        assert_eq!(cut("[1,-2,3]", 2), Some(Value::Text("[1,-2]".to_owned())));
        assert_eq!(cut("[1,-2,3]", 3), None);
        assert_eq!(cut("[\"a,b\",\"c\"]", 1), None);
        let (one, two) = (Value::I64(1), Value::I64(2));
        assert_eq!(repeated(&[Some(&one), Some(&two)], 1), Some(one.clone()));
        assert_eq!(repeated(&[Some(&one), None], 1), None);
        assert_eq!(repeated(&[Some(&one), Some(&two)], 2), None);
    }
}
