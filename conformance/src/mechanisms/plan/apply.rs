//! Applies changes to the model's rows.

use super::{Card, Change, Place, Rows};

impl Rows {
    pub(in crate::mechanisms) fn card_of(&self, code: &str) -> Option<&String> {
        let mut cards = self.cards.iter();
        let held = cards.find(|(_, card)| card.holder.as_deref() == Some(code));
        held.map(|(label, _)| label)
    }

    /// Numbers for added rows: never reused, even after a rollback.
    pub(in crate::mechanisms) fn begin_next(&mut self) {
        self.made += 1;
    }

    pub(in crate::mechanisms) fn apply(&mut self, change: &Change) {
        match change.clone() {
            Change::AddPlace {
                code, name, parent, ..
            } => {
                self.free.retain(|free| *free != code);
                self.places.insert(
                    code,
                    Place {
                        name,
                        rank: 0,
                        note: None,
                        parent,
                        badge: None,
                    },
                );
            }
            Change::Rename { code, name, .. } => self.change(&code, |place| place.name = name),
            Change::Rank { code, rank, .. } => self.change(&code, |place| place.rank = rank),
            Change::Note { code, note, .. } => self.change(&code, |place| place.note = note),
            Change::Move { code, parent, .. } => self.change(&code, |place| place.parent = parent),
            Change::Rekey { code, new } => self.rekey(&code, &new),
            Change::DeletePlace { code, .. } => {
                self.places.remove(&code);
                self.pairs.retain(|(place, _)| *place != code);
                self.seats.retain(|(place, _), _| *place != code);
                for place in self.places.values_mut() {
                    place.parent.take_if(|parent| *parent == code);
                }
                for card in self.cards.values_mut() {
                    card.holder.take_if(|holder| *holder == code);
                }
                self.free.push(code);
            }
            Change::AddSeat {
                place,
                number,
                guest,
                ..
            } => {
                self.seats.insert((place, number), guest);
            }
            Change::Guest {
                place,
                number,
                guest,
                ..
            } => {
                self.seats.insert((place, number), guest);
            }
            Change::DropSeat { place, number, .. } => {
                self.seats.remove(&(place, number));
            }
            Change::ReplaceSeats {
                place,
                numbers,
                guest,
            } => {
                self.seats.retain(|(other, _), _| *other != place);
                for number in numbers {
                    self.seats.insert((place.clone(), number), guest.clone());
                }
            }
            Change::AddCard { label, holder, .. } => {
                self.cards.insert(
                    label,
                    Card {
                        holder,
                        stamp: None,
                    },
                );
            }
            Change::Hold { label, holder, .. } => {
                if let Some(other) = holder
                    .as_deref()
                    .and_then(|code| self.card_of(code))
                    .cloned()
                    && let Some(card) = self.cards.get_mut(&other)
                {
                    card.holder = None;
                }
                if let Some(card) = self.cards.get_mut(&label) {
                    card.holder = holder;
                }
            }
            Change::Stamp { label, stamp, .. } => {
                if let Some(card) = self.cards.get_mut(&label) {
                    card.stamp = stamp;
                }
            }
            Change::DropCard { label, .. } => {
                self.cards.remove(&label);
                for place in self.places.values_mut() {
                    place.badge.take_if(|badge| *badge == label);
                }
            }
            Change::AddLabel { label } => {
                self.labels.insert(label);
            }
            Change::DropLabel { label, .. } => {
                self.pairs.retain(|(_, other)| *other != label);
                self.labels.remove(&label);
            }
            Change::Bear { code, label, .. } => {
                self.pairs.insert((code, label));
            }
            Change::Shed { code, label, .. } => {
                self.pairs.remove(&(code, label));
            }
            Change::SwapNames { code, other } => {
                let names = [&code, &other].map(|code| self.places[code].name.clone());
                let [one, two] = names;
                self.change(&code, |place| place.name = two);
                self.change(&other, |place| place.name = one);
            }
            Change::PassName {
                code, other, name, ..
            } => {
                let passed = self.places[&other].name.clone();
                self.change(&other, |place| place.name = name);
                self.change(&code, |place| place.name = passed);
            }
            Change::PassCode {
                code, new, other, ..
            } => {
                self.rekey(&code, &new);
                self.rekey(&other, &code);
            }
            Change::SwapCards { label, other, .. } => {
                let [one, two] = [&label, &other].map(|label| self.cards[label].holder.clone());
                for (label, holder) in [(label, two), (other, one)] {
                    if let Some(card) = self.cards.get_mut(&label) {
                        card.holder = holder;
                    }
                }
            }
            Change::Badge { code, card, .. } => self.change(&code, |place| place.badge = card),
            Change::Renumber { place, number, to } => {
                self.reseat((place.clone(), number), (place, to));
            }
            Change::Shift { place, .. } => {
                let numbers = self.numbers(&place);
                for number in numbers.into_iter().rev() {
                    self.reseat((place.clone(), number), (place.clone(), number + 1));
                }
            }
            Change::MoveSeat {
                place, number, to, ..
            } => self.reseat((place, number), (to, number)),
            Change::MergeSeat {
                place,
                number,
                guest,
            } => {
                self.seats.insert((place, number), guest);
            }
            Change::Retext { label, new } => {
                self.labels.remove(&label);
                self.labels.insert(new.clone());
                let pairs = std::mem::take(&mut self.pairs).into_iter();
                let followed = |text: String| if text == label { new.clone() } else { text };
                self.pairs = pairs.map(|(place, text)| (place, followed(text))).collect();
            }
            Change::Outside(change) => self.apply(&change),
            Change::Merge { code, name, rank } => self.change(&code, |place| {
                place.name = name;
                place.rank = rank;
            }),
            Change::AddSign { text, code } | Change::Point { text, code, .. } => {
                self.signs.insert(text, code);
            }
            Change::AddBooking { text, seat, .. } | Change::Book { text, seat, .. } => {
                self.bookings.insert(text, seat);
            }
            Change::Blind { code, parent, .. } => self.change(&code, |place| place.parent = parent),
            Change::Override { code, rank, .. } => self.change(&code, |place| place.rank = rank),
            Change::InsertAll { codes, parent, .. } => {
                for code in codes {
                    let parent = parent.clone();
                    let place = Place {
                        parent,
                        ..Place::default()
                    };
                    self.places.insert(code, place);
                }
            }
            _ => {}
        }
        self.let_go();
    }

    /// Clears the seats of bookings if the seats are gone, and the places of signs if the places are gone or have no name.
    fn let_go(&mut self) {
        for seat in self.bookings.values_mut() {
            seat.take_if(|seat| !self.seats.contains_key(seat));
        }
        for place in self.signs.values_mut() {
            let name = |code: &String| self.places.get(code)?.name.as_ref();
            place.take_if(|code| name(code).is_none());
        }
    }

    /// Returns the numbers of a place's seats, in order.
    pub(in crate::mechanisms) fn numbers(&self, place: &str) -> Vec<i32> {
        let seats = self.seats.keys().filter(|seat| seat.0 == place);
        seats.map(|seat| seat.1).collect()
    }

    fn reseat(&mut self, from: (String, i32), to: (String, i32)) {
        if let Some(guest) = self.seats.remove(&from) {
            self.seats.insert(to.clone(), guest);
        }
        for seat in self.bookings.values_mut().flatten() {
            if *seat == from {
                seat.clone_from(&to);
            }
        }
    }

    fn change(&mut self, code: &str, change: impl FnOnce(&mut Place)) {
        if let Some(place) = self.places.get_mut(code) {
            change(place);
        }
    }

    fn rekey(&mut self, code: &str, new: &str) {
        if let Some(place) = self.places.remove(code) {
            self.places.insert(new.to_owned(), place);
        }
        for place in self.places.values_mut() {
            if place.parent.as_deref() == Some(code) {
                place.parent = Some(new.to_owned());
            }
        }
        for card in self.cards.values_mut() {
            if card.holder.as_deref() == Some(code) {
                card.holder = Some(new.to_owned());
            }
        }
        for place in self.signs.values_mut().flatten() {
            if place == code {
                new.clone_into(place);
            }
        }
        for (place, _) in self.bookings.values_mut().flatten() {
            if place == code {
                new.clone_into(place);
            }
        }
        self.free.retain(|free| free != new);
        self.free.push(code.to_owned());
        let followed = |place: String| if place == code { new.to_owned() } else { place };
        let pairs = std::mem::take(&mut self.pairs).into_iter();
        self.pairs = pairs
            .map(|(place, label)| (followed(place), label))
            .collect();
        let seats = std::mem::take(&mut self.seats);
        self.seats = seats
            .into_iter()
            .map(|((place, number), guest)| ((followed(place), number), guest))
            .collect();
    }
}
