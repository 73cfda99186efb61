//! Changes of references that are not plain relations, and of columns by expressions.

use super::{Change, Draw, MOST_PLACES, Rows, What, nth};

impl Rows {
    pub(super) fn resolve_reference(&self, draw: &Draw) -> Option<Change> {
        let &Draw {
            what,
            which,
            other,
            way,
        } = draw;
        let pick = |which: usize| nth(self.places.keys(), which).cloned();
        let named = || {
            let places = self.places.iter();
            let named = places.filter(|(_, place)| place.name.is_some());
            nth(named, other).map(|(code, _)| code.clone())
        };
        let seat = || nth(self.seats.keys(), other).cloned();
        Some(match what {
            What::AddSign if self.signs.len() < MOST_PLACES => Change::AddSign {
                text: format!("sign {}", self.made),
                code: named(),
            },
            What::Point => Change::Point {
                text: nth(self.signs.keys(), which)?.clone(),
                code: named().filter(|_| way % 5 != 0),
                way,
            },
            What::AddBooking if self.bookings.len() < MOST_PLACES => Change::AddBooking {
                text: format!("booking {}", self.made),
                seat: seat(),
                way,
            },
            What::Book => Change::Book {
                text: nth(self.bookings.keys(), which)?.clone(),
                seat: seat().filter(|_| way % 5 != 0),
                way,
            },
            What::Blind => {
                let (code, parent) = (pick(which)?, pick(other).filter(|_| way % 5 != 0));
                let inside = parent
                    .as_ref()
                    .is_some_and(|parent| self.is_inside(parent, &code));
                if inside {
                    return None;
                }
                Change::Blind { code, parent, way }
            }
            What::Override => Change::Override {
                code: pick(which)?,
                first: i32::try_from(other % 4).unwrap_or_default(),
                rank: i32::try_from(way % 4).unwrap_or_default(),
            },
            What::InsertAll if self.places.len() < MOST_PLACES => Change::InsertAll {
                codes: (0..=which % 2)
                    .map(|n| format!("p{}{}", self.made, ["", "b"][n]))
                    .collect(),
                parent: pick(other).filter(|_| other % 3 != 0),
                way,
            },
            _ => return None,
        })
    }

    /// Returns the change that swaps the names of two places. A session that knows signs refuses it if a sign follows one of them; a
    /// session that does not know signs would lose their names.
    pub(super) fn swap(&self, code: String, other: String) -> Change {
        let [one, two] = [&code, &other].map(|code| self.places[code].name.as_ref());
        let is_exchange = one.is_some() && two.is_some() && one != two;
        let is_followed = self.has_signs(&code) || self.has_signs(&other);
        match is_exchange && is_followed {
            true => Change::RefusedSwap { code, other },
            false => Change::SwapNames { code, other },
        }
    }

    /// Returns whether a seat, or a seat of a place, has bookings.
    pub(super) fn is_booked(&self, place: &str, number: Option<i32>) -> bool {
        let mut booked = self.bookings.values().flatten();
        booked.any(|seat| seat.0 == place && number.is_none_or(|number| seat.1 == number))
    }

    /// Returns whether a sign has the name of a place.
    fn has_signs(&self, code: &str) -> bool {
        let mut places = self.signs.values().flatten();
        places.any(|place| place == code)
    }
}
