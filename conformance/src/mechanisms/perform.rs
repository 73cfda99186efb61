//! Makes each change on a session, by its mechanism.

mod hooked;
mod references;
mod swaps;
mod unflushed;
mod ways;

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use selfsame::prelude::*;
use selfsame::{Error, ErrorKind, Result};

use super::entities::{Card, Label, Place, Seat, Stamp};
use super::plan::{Change, Rows};
use crate::case::CaseResult;
use hooked::{hook_work, hooked, meet};
use references::{
    add_booking, add_sign, blind, book, insert_all, look_at_places, look_at_references,
    override_rank, point, settles,
};
use swaps::{
    badge, merge_seat, move_seat, pass_code, pass_name, refuse_swap, rekey, renumber, retext,
    shift, swap_cards, swap_names,
};
use unflushed::Unflushed;
use ways::{add_card, add_place, add_seat, bear, drop_seat, hold, move_place, shed};

/// Changes that wait for a hook.
type Waiting = Arc<Mutex<Vec<(When, Change)>>>;

/// The payload of a panic in a hook.
const PANIC: &str = "in a hook, as drawn";

/// When the hook that makes a change is called.
#[derive(Clone, Copy, Debug, PartialEq)]
enum When {
    BeforeFlush,
    AfterFlush,
}

pub(super) struct Performer {
    waiting: Waiting,
    unflushed: Unflushed,
}

impl Performer {
    pub(super) fn new(session: &mut Session) -> Self {
        let waiting = Waiting::default();
        let called = |when: When| {
            let waiting = Arc::clone(&waiting);
            move |session: &mut Session| {
                let due: Vec<Change> = {
                    let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
                    let due = waiting.extract_if(.., |(other, _)| *other == when);
                    due.map(|(_, change)| change).collect()
                };
                due.iter().try_for_each(|change| hook_work(session, change))
            }
        };
        session.hook(Hook::before_flush(called(When::BeforeFlush)));
        session.hook(Hook::after_flush(called(When::AfterFlush)));
        Self {
            waiting,
            unflushed: Unflushed::default(),
        }
    }

    /// Makes a change in another session.
    pub(super) fn perform_outside(&self, other: &mut Session, change: &Change) -> Result<()> {
        other.clear();
        by_its_way(other, change, &Unflushed::default())?;
        other.commit()
    }

    /// Makes a change by its mechanism.
    pub(super) fn perform(&self, session: &mut Session, change: &Change) -> Result<()> {
        // A removed seat, and a card's previous place, exist until the flush.
        let looks_for_rows = match change {
            Change::Guest { .. } | Change::DropSeat { .. } => true,
            Change::Hold { way, .. } | Change::AddCard { way, .. } => *way < 20,
            _ => false,
        };
        // Assigning the value that the object shows would leave a pending expression.
        let is_assigned = matches!(change, Change::Rank { way, .. } if !matches!(way % 8, 2 | 3));
        if looks_for_rows || is_assigned {
            self.unflushed.flush(session)?;
        }
        // Until the flush, a seat shows the previous code of its place, or the code of its previous place.
        if let Change::Renumber { place, .. }
        | Change::MoveSeat { place, .. }
        | Change::AddBooking {
            seat: Some((place, _)),
            ..
        }
        | Change::Book {
            seat: Some((place, _)),
            ..
        } = change
        {
            self.unflushed.settle_seats(session, place)?;
        }
        match change {
            Change::Rekey { code, new } => {
                self.unflushed.settle(session, &[code])?;
                self.unflushed.rename(code, new);
            }
            Change::DeletePlace { code, .. }
            | Change::ReplaceSeats { place: code, .. }
            | Change::Hold {
                holder: Some(code), ..
            }
            | Change::AddCard {
                holder: Some(code), ..
            } => {
                self.unflushed.settle(session, &[code])?;
            }
            Change::PassCode {
                code, new, other, ..
            } => {
                self.unflushed.settle(session, &[code, other])?;
                self.unflushed.rename(code, new);
                self.unflushed.rename(other, code);
            }
            _ => {}
        }
        let (before, after) = settles(change, &self.unflushed);
        if before {
            self.unflushed.flush(session)?;
        }
        match hooked(change) {
            Some(when) => self.in_hook(session, change, when)?,
            None => by_its_way(session, change, &self.unflushed)?,
        }
        match change {
            Change::Rekey { new, .. } => self.unflushed.enters(new),
            Change::PassCode { code, new, .. } => {
                self.unflushed.enters(new);
                self.unflushed.enters(code);
            }
            Change::MoveSeat { to, .. } => self.unflushed.enters(to),
            _ => {}
        }
        match after {
            true => self.unflushed.flush(session),
            false => Ok(()),
        }
    }

    /// Makes a change in a hook of a flush; something else must have changed, so that there is a flush.
    fn in_hook(&self, session: &mut Session, change: &Change, when: When) -> Result<()> {
        // The hook reads nothing: the objects that it changes are already in the session, and have rows.
        self.unflushed.flush(session)?;
        meet(session, change)?;
        let bell = session.add(Card::new(format!("bell {}", session.statements())));
        self.lock().push((when, change.clone()));
        session.flush()?;
        let was_called = self.lock().is_empty();
        if !was_called {
            let message = "the flush had something to do and called no hook";
            return Err(Error::new(ErrorKind::InvalidState, message));
        }
        session.delete(bell)?;
        session.flush()
    }

    /// Checks that a flush that would swap the names of places is refused. The program then rolls back.
    pub(super) fn refuse_swap(&self, session: &mut Session, code: &str, other: &str) -> CaseResult {
        self.unflushed.flush(session)?;
        refuse_swap(session, code, other)
    }

    /// Panics in a hook of a flush that has something to do; then the transaction is rolled back.
    pub(super) fn panic_in_hook(&self, session: &mut Session, way: usize) -> CaseResult {
        let when = match way % 2 {
            0 => When::BeforeFlush,
            _ => When::AfterFlush,
        };
        session.add(Card::new("never written"));
        self.lock().push((when, Change::Panic { way }));
        match catch_unwind(AssertUnwindSafe(|| session.flush())) {
            Err(payload) if payload.downcast_ref() == Some(&PANIC) => {}
            Err(payload) => resume_unwind(payload),
            Ok(flushed) => {
                check!(
                    false,
                    "a panic of a hook must reach the program, found {flushed:?}"
                );
            }
        }
        session.rollback()?;
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<(When, Change)>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Compares the objects of all rows with the rows.
    pub(super) fn look(&self, session: &mut Session, rows: &Rows, how: Look) -> CaseResult {
        session.flush()?;
        for (code, row) in &rows.places {
            let Some(place) = session.get::<Place>(code.clone())? else {
                check!(false, "the place {code} must be there");
                continue;
            };
            let it = &session[place];
            check_eq!(
                (&it.code, &it.name, it.rank.get()),
                (code, &row.name, Some(&row.rank)),
                "the object of the place {code}"
            );
            if let Some(note) = it.note.get() {
                check_eq!(note, &row.note, "the loaded note of {code}");
            }
            if how == Look::All {
                let note = session.undefer(place, Place::NOTE)?;
                check_eq!(note, &row.note, "the note of {code}");
            }
            let parent = session.load(place, Place::PARENT)?;
            let parent = parent.map(|parent| session[parent].code.clone());
            check_eq!(parent, row.parent, "the parent of {code}");
            let badge = session.load(place, Place::BADGE)?;
            let badge = badge.map(|badge| session[badge].label.clone());
            check_eq!(badge, row.badge, "the badge of {code}");
            look_at_collections(session, place, rows, how)?;
        }
        if how == Look::Loaded {
            return Ok(());
        }
        look_at_references(session, rows)?;
        look_at_places(session, rows)?;
        for (label, row) in &rows.cards {
            let card = card(session, label)?;
            let stamp = session[card].stamp.clone();
            let stamp = stamp.map(|stamp| (stamp.ink, stamp.year));
            let holder = session.load(card, Card::HOLDER)?;
            let holder = holder.map(|holder| session[holder].code.clone());
            check_eq!(
                (stamp, holder),
                (row.stamp.clone(), row.holder.clone()),
                "the object of {label}"
            );
        }
        for text in &rows.labels {
            let label = label(session, text)?;
            let places = session.load(label, Label::PLACES)?;
            let places: BTreeSet<String> =
                places.iter().map(|it| session[*it].code.clone()).collect();
            let wanted = rows.pairs.iter().filter(|(_, label)| label == text);
            let wanted = wanted.map(|(place, _)| place.clone());
            check_eq!(places, wanted.collect(), "the places that bear {text}");
        }
        Ok(())
    }
}

/// Which collections to check: loaded ones must be right; checking others loads them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    Loaded,
    All,
}

fn look_at_collections(
    session: &mut Session,
    place: Handle<Place>,
    rows: &Rows,
    how: Look,
) -> CaseResult {
    let code = session[place].code.clone();
    if how == Look::All || session.loaded(place, Place::CHILDREN)?.is_some() {
        let children = session.load(place, Place::CHILDREN)?.into_iter();
        let mut children: Vec<&str> = children.map(|child| &*session[child].code).collect();
        children.sort_unstable();
        let places = rows.places.iter();
        let inside = places.filter(|(_, row)| row.parent.as_ref() == Some(&code));
        let inside: Vec<&str> = inside.map(|(code, _)| &**code).collect();
        check_eq!(children, inside, "the places inside {code}");
    }
    if how == Look::All || session.loaded(place, Place::SEATS)?.is_some() {
        let seats = session.load(place, Place::SEATS)?;
        // An object that has left the session would panic and end the program.
        let mut left = seats.iter().map(|&seat| session.state(seat));
        let has_left = left.any(|state| state == State::Detached);
        check!(!has_left, "the seats of {code} must be in the session");
        let seats: BTreeMap<i32, Option<String>> = seats
            .into_iter()
            .map(|seat| (session[seat].number, session[seat].guest.clone()))
            .collect();
        let here = rows.seats.iter().filter(|((place, _), _)| *place == code);
        let here = here.map(|((_, number), guest)| (*number, guest.clone()));
        check_eq!(seats, here.collect(), "the seats of {code}");
    }
    if how == Look::All || session.loaded(place, Place::LABELS)?.is_some() {
        let labels = session.load(place, Place::LABELS)?.into_iter();
        let labels: BTreeSet<String> = labels.map(|it| session[it].text.clone()).collect();
        let wanted = rows.pairs.iter().filter(|(place, _)| *place == code);
        let wanted = wanted.map(|(_, label)| label.clone());
        check_eq!(labels, wanted.collect(), "the labels of {code}");
    }
    if how == Look::All {
        let card = session.load(place, Place::CARD)?;
        let card = card.map(|card| session[card].label.clone());
        check_eq!(card.as_ref(), rows.card_of(&code), "the card of {code}");
    }
    Ok(())
}

/// Loads some members of a collection of every place, and compares the resulting views with the rows.
pub(super) fn look_at_views(session: &mut Session, rows: &Rows, way: usize) -> CaseResult {
    let query = match way % 3 {
        0 => Place::query().with(Place::SEATS.filter(Seat::GUEST.is_null())),
        1 => Place::query().with(Place::CHILDREN.filter(Place::RANK.gt(1))),
        _ => Place::query().with(Place::LABELS.filter(Label::TEXT.ne("blue"))),
    };
    for place in query.all(session)? {
        let code = session[place].code.clone();
        let found = match way % 3 {
            0 => {
                let seats = session.filtered(place, Place::SEATS)?;
                names(seats, |seat| session[seat].number.to_string())
            }
            1 => {
                let children = session.filtered(place, Place::CHILDREN)?;
                names(children, |child| session[child].code.clone())
            }
            _ => {
                let labels = session.filtered(place, Place::LABELS)?;
                names(labels, |label| session[label].text.clone())
            }
        };
        let wanted: Vec<String> = match way % 3 {
            0 => {
                let seats = rows.seats.iter();
                let free = seats.filter(|((it, _), guest)| *it == code && guest.is_none());
                free.map(|((_, number), _)| number.to_string()).collect()
            }
            1 => {
                let places = rows.places.iter();
                let inside =
                    places.filter(|(_, row)| row.parent.as_ref() == Some(&code) && row.rank > 1);
                inside.map(|(code, _)| code.clone()).collect()
            }
            _ => {
                let pairs = rows.pairs.iter();
                let borne = pairs.filter(|(it, label)| *it == code && label != "blue");
                borne.map(|(_, label)| label.clone()).collect()
            }
        };
        let wanted = Some(sorted(wanted));
        check_eq!(found, wanted, "the filtered members of {code}");
    }
    Ok(())
}

/// Returns the sorted names of the members of a view; `None` if there is no view.
fn names<E>(
    members: Option<Vec<Handle<E>>>,
    name: impl Fn(Handle<E>) -> String,
) -> Option<Vec<String>> {
    members.map(|members| sorted(members.into_iter().map(name).collect()))
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort_unstable();
    names
}

/// Returns the object of a row, including new objects, if the session knows it, without a flush; otherwise loads it.
fn known<E: Entity>(session: &Session, is_it: impl Fn(&E) -> bool) -> Option<Handle<E>> {
    let deleted = session.deleted::<E>();
    let objects = session.new_objects::<E>().into_iter();
    let mut objects = objects.chain(session.persistent::<E>());
    objects.find(|object| {
        let is_expired = session.is_expired(*object).unwrap_or(true);
        is_it(&session[*object]) && !is_expired && !deleted.contains(object)
    })
}

fn place(session: &mut Session, code: &str) -> Result<Handle<Place>> {
    if let Some(known) = known(session, |place: &Place| place.code == code) {
        return Ok(known);
    }
    let found = session.get::<Place>(code.to_owned())?;
    found.ok_or_else(|| missing("place", code))
}

fn seat(session: &mut Session, place: &str, number: i32) -> Result<Handle<Seat>> {
    // A new seat without a place takes over the row of a seat that a replacement removed; that row is deleted only by a flush.
    let is_nowhere = |seat: &Handle<Seat>| session[*seat].place_code.is_empty();
    if session.new_objects::<Seat>().iter().any(is_nowhere) {
        session.flush()?;
    }
    let is_it = |seat: &Seat| seat.place_code == place && seat.number == number;
    // A removed seat keeps its number until a flush deletes it; another seat may already have the number.
    let here = session.persistent::<Seat>().into_iter();
    if here.filter(|seat| is_it(&session[*seat])).count() > 1 {
        session.flush()?;
    }
    if let Some(known) = known(session, is_it) {
        return Ok(known);
    }
    let found = session.get::<Seat>((place.to_owned(), number))?;
    found.ok_or_else(|| missing("seat", &format!("{place}/{number}")))
}

fn card(session: &mut Session, label: &str) -> Result<Handle<Card>> {
    match known(session, |card: &Card| card.label == label) {
        Some(known) => Ok(known),
        None => Card::query().filter(Card::LABEL.eq(label)).one(session),
    }
}

fn label(session: &mut Session, text: &str) -> Result<Handle<Label>> {
    if let Some(known) = known(session, |label: &Label| label.text == text) {
        return Ok(known);
    }
    let found = session.get::<Label>(text.to_owned())?;
    found.ok_or_else(|| missing("label", text))
}

fn missing(what: &str, key: &str) -> Error {
    Error::new(ErrorKind::NoRow, format!("the {what} {key} is not found"))
}

/// Makes a change by assignment.
fn plainly(session: &mut Session, change: &Change) -> Result<()> {
    match change {
        Change::Rank { code, rank, .. } => {
            let place = place(session, code)?;
            session[place].rank = Auto::set(*rank);
        }
        Change::Rename { code, name, .. } => {
            let place = place(session, code)?;
            session[place].name.clone_from(name);
        }
        Change::Note { code, note, .. } => {
            let place = place(session, code)?;
            session[place].note.set(note.clone());
        }
        Change::Guest {
            place,
            number,
            guest,
            ..
        } => {
            let seat = seat(session, place, *number)?;
            session[seat].guest.clone_from(guest);
        }
        Change::Stamp { label, stamp, .. } => {
            let card = card(session, label)?;
            session[card].stamp = stamp.clone().map(|(ink, year)| Stamp::new(ink, year));
        }
        _ => {}
    }
    Ok(())
}

fn by_its_way(session: &mut Session, change: &Change, unflushed: &Unflushed) -> Result<()> {
    match change {
        Change::AddPlace {
            code,
            name,
            parent,
            way,
        } => add_place(
            session,
            unflushed,
            code,
            name.clone(),
            parent.as_deref(),
            *way,
        ),
        Change::Rename { code, name, way } => match way % 8 {
            4 => bulk(
                Place::query()
                    .filter(Place::CODE.eq(code))
                    .update()
                    .set(Place::NAME, name.clone()),
                session,
            ),
            5 => {
                let text = "UPDATE places SET name = ? WHERE code = ?";
                raw(session, text, (name.clone(), code.clone()))
            }
            _ => plainly(session, change),
        },
        Change::Rank { code, rank, way } => match way % 8 {
            2 => {
                let place = with_row(session, code)?;
                session.set_expr(place, Place::RANK, Place::RANK * 0 + *rank)
            }
            3 => {
                let place = with_row(session, code)?;
                session.set_blind(place, Place::RANK, *rank)
            }
            4 => bulk(
                Place::query()
                    .filter(Place::CODE.eq(code))
                    .update()
                    .set(Place::RANK, *rank),
                session,
            ),
            5 => {
                let text = r#"UPDATE places SET "rank" = ? WHERE code = ?"#;
                raw(session, text, (*rank, code.clone()))
            }
            _ => plainly(session, change),
        },
        Change::Note { code, note, way } => match way % 8 {
            2 => {
                let place = with_row(session, code)?;
                session.undefer(place, Place::NOTE)?;
                if let Some(loaded) = session[place].note.get_mut() {
                    loaded.clone_from(note);
                }
                Ok(())
            }
            4 => bulk(
                Place::query()
                    .filter(Place::CODE.eq(code))
                    .update()
                    .set(Place::NOTE, note.clone()),
                session,
            ),
            5 => {
                let text = "UPDATE places SET note = ? WHERE code = ?";
                raw(session, text, (note.clone(), code.clone()))
            }
            _ => plainly(session, change),
        },
        Change::Move { code, parent, way } => {
            move_place(session, unflushed, code, parent.as_deref(), *way)
        }
        Change::Rekey { code, new } => rekey(session, code, new),
        Change::DeletePlace { code, .. } => {
            let place = place(session, code)?;
            delete(session, place)
        }
        Change::AddSeat {
            place,
            number,
            guest,
            way,
        } => add_seat(session, unflushed, place, *number, guest.clone(), *way),
        Change::Guest {
            place,
            number,
            guest,
            way,
        } => match way % 8 {
            4 => bulk(
                Seat::query()
                    .filter(Seat::PLACE_CODE.eq(place).and(Seat::NUMBER.eq(*number)))
                    .update()
                    .set(Seat::GUEST, guest.clone()),
                session,
            ),
            5 => {
                let text = "UPDATE seats SET guest = ? WHERE place_code = ? AND number = ?";
                raw(session, text, (guest.clone(), place.clone(), *number))
            }
            _ => plainly(session, change),
        },
        Change::DropSeat { place, number, way } => drop_seat(session, place, *number, *way),
        Change::ReplaceSeats {
            place: code,
            numbers,
            guest,
        } => {
            let owner = place(session, code)?;
            let seats: Vec<Handle<Seat>> = numbers
                .iter()
                .map(|number| {
                    session.add(Seat {
                        guest: guest.clone(),
                        ..Seat::new(String::new(), *number)
                    })
                })
                .collect();
            session.no_autoflush(|session| session.replace(owner, Place::SEATS, seats))
        }
        Change::AddCard { label, holder, way } => {
            add_card(session, unflushed, label, holder.as_deref(), *way)
        }
        Change::Hold { label, holder, way } => hold(session, label, holder.as_deref(), *way),
        Change::Stamp { label, stamp, .. } => {
            let card = card(session, label)?;
            session[card].stamp = stamp.clone().map(|(ink, year)| Stamp::new(ink, year));
            Ok(())
        }
        Change::DropCard { label, way } => match way % 2 {
            0 => {
                let card = card(session, label)?;
                delete(session, card)
            }
            _ => {
                let text = "UPDATE places SET badge_id = NULL WHERE badge_id IN (SELECT id FROM cards WHERE label = ?)";
                raw(session, text, (label.clone(),))?;
                Card::query()
                    .filter(Card::LABEL.eq(label))
                    .delete()
                    .execute(session)
                    .map(drop)
            }
        },
        Change::AddLabel { label } => {
            session.add(Label {
                text: label.clone(),
                places: ManyToMany::default(),
            });
            Ok(())
        }
        Change::DropLabel { label: text, way } => match way % 3 {
            0 | 1 => {
                let label = label(session, text)?;
                delete(session, label)
            }
            _ => {
                raw(
                    session,
                    "DELETE FROM place_labels WHERE label = ?",
                    (text.clone(),),
                )?;
                Label::query()
                    .filter(Label::TEXT.eq(text))
                    .delete()
                    .execute(session)
                    .map(drop)
            }
        },
        Change::Bear {
            code,
            label: text,
            way,
        } => bear(session, code, text, *way),
        Change::Shed {
            code,
            label: text,
            way,
        } => shed(session, code, text, *way),
        Change::Merge { code, name, rank } => {
            session.flush()?;
            let place = place(session, code)?;
            let mut value = session[place].clone();
            value.name.clone_from(name);
            value.rank = Auto::set(*rank);
            let merged = session.merge(value)?;
            match merged == place {
                true => Ok(()),
                false => Err(Error::new(
                    ErrorKind::InvalidState,
                    "merged into another object",
                )),
            }
        }
        Change::Expunge { code } => {
            session.flush()?;
            let place = place(session, code)?;
            session.expunge(place)?;
            // Loaded collections no longer show it until they are loaded again.
            session.expire_all();
            Ok(())
        }
        Change::Flush => session.flush(),
        Change::Clear => {
            session.flush()?;
            session.clear();
            Ok(())
        }
        Change::ExpireAll => {
            session.flush()?;
            session.expire_all();
            Ok(())
        }
        Change::Refresh { code } => {
            session.flush()?;
            let place = place(session, code)?;
            session.refresh(place)
        }
        Change::Load { code, way } => {
            let one = place(session, code)?;
            match way % 8 {
                0 => session.load(one, Place::SEATS).map(drop),
                1 => session.load(one, Place::CHILDREN).map(drop),
                2 => session.load(one, Place::CARD).map(drop),
                3 => session.load(one, Place::LABELS).map(drop),
                4 => Place::query()
                    .with(Place::LABELS.joined())
                    .with(Place::BADGE.joined())
                    .all(session)
                    .map(drop),
                5 => Place::query()
                    .with(Place::CHILDREN.joined())
                    .with(Place::LABELS.selectin())
                    .all(session)
                    .map(drop),
                6 => Card::query()
                    .with(Card::BADGED.selectin())
                    .with(Card::HOLDER.selectin())
                    .all(session)
                    .map(drop),
                _ => Place::query()
                    .with(Place::SEATS.selectin())
                    .with(Place::CHILDREN.selectin())
                    .with(Place::CARD.joined())
                    .all(session)
                    .map(drop),
            }
        }
        Change::SwapNames { code, other } => swap_names(session, unflushed, code, other),
        Change::PassName {
            code,
            other,
            name,
            way,
        } => pass_name(session, code, other, name.as_deref(), *way),
        Change::PassCode {
            code,
            new,
            other,
            way,
        } => pass_code(session, code, new, other, *way),
        Change::SwapCards { label, other, way } => swap_cards(session, label, other, *way),
        Change::Badge { code, card, way } => badge(session, code, card.as_deref(), *way),
        Change::Renumber { place, number, to } => renumber(session, place, *number, *to),
        Change::Shift { place, way } => shift(session, place, *way),
        Change::MoveSeat {
            place,
            number,
            to,
            way,
        } => move_seat(session, place, *number, to, *way),
        Change::MergeSeat {
            place,
            number,
            guest,
        } => merge_seat(session, place, *number, guest.as_deref()),
        Change::Retext { label, new } => retext(session, label, new),
        Change::AddSign { text, code } => add_sign(session, unflushed, text, code.as_deref()),
        Change::Point { text, code, way } => point(session, unflushed, text, code.as_deref(), *way),
        Change::AddBooking { text, seat, way } => {
            add_booking(session, unflushed, text, seat.as_ref(), *way)
        }
        Change::Book { text, seat, way } => book(session, unflushed, text, seat.as_ref(), *way),
        Change::Blind { code, parent, way } => {
            blind(session, unflushed, code, parent.as_deref(), *way)
        }
        Change::Override { code, first, rank } => override_rank(session, code, *first, *rank),
        Change::InsertAll { codes, parent, way } => {
            insert_all(session, codes, parent.as_deref(), *way)
        }
        Change::Savepoint
        | Change::EndSavepoint { .. }
        | Change::Commit
        | Change::Rollback
        | Change::Outside(_)
        | Change::Filter { .. }
        | Change::RefusedSwap { .. }
        | Change::Panic { .. } => Ok(()),
    }
}

/// Returns the object of a place that has a row.
fn with_row(session: &mut Session, code: &str) -> Result<Handle<Place>> {
    let place = place(session, code)?;
    if session.state(place) == State::Pending {
        session.flush()?;
    }
    Ok(place)
}

/// Deletes a row; flushes first if the object has no row yet.
fn delete<E: Entity>(session: &mut Session, object: Handle<E>) -> Result<()> {
    if session.state(object) == State::Pending {
        session.flush()?;
    }
    session.delete(object)
}

fn bulk<E: Entity>(update: selfsame::query::BulkUpdate<E>, session: &mut Session) -> Result<()> {
    update.execute(session).map(drop)
}

/// Runs raw SQL; the program must expire the session afterwards.
fn raw(session: &mut Session, text: &str, params: impl selfsame::sql::Params) -> Result<()> {
    session.sql(text, params).execute()?;
    session.expire_all();
    Ok(())
}
