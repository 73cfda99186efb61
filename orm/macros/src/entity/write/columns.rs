//! `impl Mapped`, and the bodies that `impl Embedded` shares with it.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

use super::{
    Column, Flattened, Kind, Model, Part, Reading, Role, column_bound, column_value,
    embedded_value, entity_bound, number,
};
use crate::entity::Writing;
use crate::shape;

pub(super) fn mapped(model: &Model<'_>) -> TokenStream {
    let name = model.name;
    let key_type = key_type(model);
    let is_read_only = model.writing != Writing::Allowed;
    let has_key = model.key_columns().next().is_some();
    let methods = [
        hydrate(model),
        row_key(model),
        key(model),
        value(model),
        each_value(model),
        is_unset(model),
        assign(model),
        assign_many(model),
        take_pending_relations(model),
        validate(model),
        deferred(model),
        unload(model),
    ];
    quote! {
        #[automatically_derived]
        impl ::selfsame::entity::Mapped for #name {
            type Key = #key_type;
            const IS_READ_ONLY: bool = #is_read_only;
            const HAS_KEY: bool = #has_key;

            fn mapping(&self) -> &::std::sync::Arc<::selfsame::entity::Mapper> {
                <Self as ::selfsame::entity::Entity>::mapper()
            }

            #(#methods)*
        }
    }
}

/// One part, or a tuple of several.
fn tuple(mut parts: Vec<TokenStream>) -> TokenStream {
    if parts.len() == 1 {
        return parts.remove(0);
    }
    quote!((#(#parts),*))
}

fn key_type(model: &Model<'_>) -> TokenStream {
    let base = |(_, column): (usize, &Column<'_>)| {
        let value = column_value(column.ty);
        quote_spanned!(column.ty.span()=> #value::Base)
    };
    let parts: Vec<_> = model.key_columns().map(base).collect();
    match parts.is_empty() {
        true => quote!(::selfsame::entity::NoKey),
        false => tuple(parts),
    }
}

fn hydrate(model: &Model<'_>) -> TokenStream {
    let body = hydration(model, &quote!(Self));
    quote! {
        fn hydrate(
            mapper: &::selfsame::entity::Mapper,
            row: &dyn ::selfsame::backend::Row,
            at: usize,
        ) -> ::selfsame::Result<Self> {
            #body
        }
    }
}

/// The body that builds `path` from a row.
pub(super) fn hydration(model: &Model<'_>, path: &TokenStream) -> TokenStream {
    let bounds = bounds(model);
    let mapping = model.mapping();
    let parts = model.parts();
    let columns = parts.iter().map(|part| match part {
        Part::Column(_, column) if column.is_deferred() => {
            let field = column.field;
            quote!(#field: ::selfsame::value::Deferred::UNLOADED)
        }
        Part::Column(index, column) => {
            let (field, ty) = (column.field, column.ty);
            let (offset, index) = (model.offset(*index), model.position(*index));
            quote!(#field: #mapping.read::<#ty>(row, at + #offset, #index)?)
        }
        Part::Flattened(at, flattened) => {
            let (offset, first) = (model.first_offset(*at), model.first(*at));
            let (field, value) = (flattened.field, embedded_value(flattened.ty));
            quote!(#field: #value::hydrate(#mapping.place(#first), row, at + #offset)?)
        }
    });
    let relations = model.relations.iter().map(|relation| relation.field);
    quote! {
        #bounds
        ::std::result::Result::Ok(#path {
            #(#columns,)*
            #(#relations: ::std::default::Default::default(),)*
        })
    }
}

/// Uses `ColumnValue` of all types that may not implement it.
fn bounds(model: &Model<'_>) -> TokenStream {
    let unknown = model
        .columns
        .iter()
        .filter(|column| shape::kind(column.ty) == shape::Kind::Unknown);
    unknown.map(|column| column_bound(column.ty)).collect()
}

/// Dispatches on the variable `column`: to `own` for a column of the struct itself, to `embedded` for one of an embedded value, with
/// `column` relative to the value, and to `otherwise` if `own` returns `None`.
fn by_column(
    model: &Model<'_>,
    own: impl Fn(usize, &Column<'_>) -> Option<TokenStream>,
    embedded: impl Fn(usize, &Flattened<'_>) -> TokenStream,
    otherwise: &TokenStream,
) -> TokenStream {
    let arms = |columns: std::ops::Range<usize>| {
        let (start, count) = (columns.start, number(columns.len()));
        let arms: Vec<_> = columns
            .clone()
            .filter_map(|index| {
                let arm = own(index, &model.columns[index])?;
                let index = number(index - start);
                Some(quote!(#index => #arm,))
            })
            .collect();
        let is_whole = arms.len() == columns.len();
        (arms, (!is_whole).then(|| quote!(..#count => #otherwise,)))
    };
    let end = model.columns.len();
    let start = model.flattened.last().map_or(0, |last| last.before);
    let (last, _) = arms(start..end);
    let mut code = quote!(match column { #(#last)* _ => #otherwise });
    for (at, flattened) in model.flattened.iter().enumerate().rev() {
        let end = flattened.before;
        let start = at.checked_sub(1).map_or(0, |at| model.flattened[at].before);
        let (arms, rest) = arms(start..end);
        let (count, width) = (number(end - start), embedded_value(flattened.ty));
        let found = embedded(at, flattened);
        code = quote! {
            match column {
                #(#arms)*
                #rest
                column => {
                    let column = column - #count;
                    if column < #width::WIDTH {
                        #found
                    } else {
                        let column = column - #width::WIDTH;
                        #code
                    }
                }
            }
        };
    }
    code
}

fn row_key(model: &Model<'_>) -> TokenStream {
    let reads: Vec<_> = model
        .key_columns()
        .map(|(index, column)| {
            let column = column_value(column.ty);
            let (offset, index) = (model.offset(index), model.position(index));
            quote!(mapper.read::<::std::option::Option<#column::Base>>(row, at + #offset, #index))
        })
        .collect();
    let body = match &reads[..] {
        [] => quote!({
            let _ = (mapper, row, at);
            ::std::result::Result::Ok(::std::option::Option::None)
        }),
        [only] => only.clone(),
        _ => {
            let parts = reads.iter().map(|read| {
                quote! {
                    match #read? {
                        ::std::option::Option::Some(part) => part,
                        ::std::option::Option::None => {
                            return ::std::result::Result::Ok(::std::option::Option::None);
                        }
                    }
                }
            });
            quote!(::std::result::Result::Ok(::std::option::Option::Some((#(#parts),*))))
        }
    };
    quote! {
        fn row_key(
            mapper: &::selfsame::entity::Mapper,
            row: &dyn ::selfsame::backend::Row,
            at: usize,
        ) -> ::selfsame::Result<::std::option::Option<Self::Key>> {
            #body
        }
    }
}

fn key(model: &Model<'_>) -> TokenStream {
    let parts: Vec<_> = model
        .key_columns()
        .map(|(index, column)| key_part(model.position(index), column))
        .collect();
    let body = match &parts[..] {
        [] => quote!({
            let _ = mapper;
            ::std::option::Option::None
        }),
        [only] => only.clone(),
        _ => quote!(::std::option::Option::Some((#(#parts?),*))),
    };
    quote! {
        fn key(&self, mapper: &::selfsame::entity::Mapper) -> ::std::option::Option<Self::Key> {
            #body
        }
    }
}

/// The value of a key column as an `Option` of its base type.
fn key_part(index: TokenStream, column: &Column<'_>) -> TokenStream {
    let field = column.field;
    let is_own_base = matches!(
        shape::kind(column.ty),
        shape::Kind::Integer | shape::Kind::Text
    );
    if is_own_base && shape::is_auto(column.ty) {
        return quote!(self.#field.get().cloned());
    }
    if is_own_base {
        return quote!(::std::option::Option::Some(self.#field.clone()));
    }
    let column = column_value(column.ty);
    quote! {
        match #column::to_param(&self.#field).value() {
            ::std::option::Option::Some(value) if !value.is_null() => {
                mapper.convert::<#column::Base>(#index, value).ok()
            }
            _ => ::std::option::Option::None,
        }
    }
}

fn value(model: &Model<'_>) -> TokenStream {
    let body = value_body(model);
    quote! {
        fn value(
            &self,
            _: &::selfsame::entity::Mapper,
            column: usize,
        ) -> ::selfsame::value::Param<'_> {
            #body
        }
    }
}

pub(super) fn value_body(model: &Model<'_>) -> TokenStream {
    let own = |_, column: &Column<'_>| Some(param(model, column));
    let embedded = |_, flattened: &Flattened<'_>| {
        let (field, value) = (model.lend(flattened.field), embedded_value(flattened.ty));
        quote!(#value::value(#field, column))
    };
    by_column(model, own, embedded, &quote!(::std::unreachable!()))
}

/// The value of a column, as a parameter.
fn param(model: &Model<'_>, column: &Column<'_>) -> TokenStream {
    let (field, value) = (model.lend(column.field), column_value(column.ty));
    match column.reading {
        Reading::Eager => quote!(#value::to_param(#field)),
        Reading::Deferred => quote! {
            match (#field).get() {
                ::std::option::Option::Some(value) => #value::to_param(value),
                ::std::option::Option::None => ::selfsame::value::Param::ABSENT,
            }
        },
    }
}

/// Unrolled, so that the compiler knows the type of each value.
fn each_value(model: &Model<'_>) -> TokenStream {
    let values = each_part(model, &TokenStream::new(), &quote!(&mut each));
    quote! {
        #[inline]
        fn each_value(
            &self,
            _: &::selfsame::entity::Mapper,
            mut each: impl ::std::ops::FnMut(usize, ::selfsame::value::Param<'_>),
        ) {
            #values
        }
    }
}

/// Calls `each` for every column, with `base` added to each position.
pub(super) fn each_part(model: &Model<'_>, base: &TokenStream, lent: &TokenStream) -> TokenStream {
    let parts = model.parts();
    let values = parts.iter().map(|part| match part {
        Part::Column(index, column) => {
            let (index, value) = (model.position(*index), param(model, column));
            quote!(each(#base #index, #value);)
        }
        Part::Flattened(at, flattened) => {
            let (first, field) = (model.first(*at), model.lend(flattened.field));
            let value = embedded_value(flattened.ty);
            quote!(#value::each_value(#field, #base #first, #lent);)
        }
    });
    values.collect()
}

fn is_unset(model: &Model<'_>) -> TokenStream {
    let body = is_unset_body(model);
    quote! {
        fn is_unset(&self, _: &::selfsame::entity::Mapper, column: usize) -> bool {
            #body
        }
    }
}

pub(super) fn is_unset_body(model: &Model<'_>) -> TokenStream {
    let own = |_, column: &Column<'_>| {
        let (field, value) = (column.field, column_value(column.ty));
        match column.reading {
            Reading::Eager => {
                shape::is_auto(column.ty).then(|| quote!(#value::is_unset(&self.#field)))
            }
            Reading::Deferred => Some(quote!(!self.#field.is_loaded())),
        }
    };
    let embedded = |_, flattened: &Flattened<'_>| {
        let (field, value) = (flattened.field, embedded_value(flattened.ty));
        quote!(#value::is_unset(&self.#field, column))
    };
    by_column(model, own, embedded, &quote!(false))
}

fn assign(model: &Model<'_>) -> TokenStream {
    let body = assign_body(model);
    quote! {
        fn assign(
            &mut self,
            mapper: &::selfsame::entity::Mapper,
            column: usize,
            value: ::selfsame::value::ValueRef<'_>,
        ) -> ::selfsame::Result<()> {
            #body
        }
    }
}

pub(super) fn assign_body(model: &Model<'_>) -> TokenStream {
    let mapping = model.mapping();
    let own = |index, column: &Column<'_>| {
        let (index, field) = (model.position(index), model.lend_mut(column.field));
        let ty = column.ty;
        let set = match column.reading {
            Reading::Eager => quote!(set),
            Reading::Deferred => quote!(set_deferred),
        };
        Some(quote!(#mapping.#set::<#ty>(#index, value, #field)))
    };
    let embedded = |at, flattened: &Flattened<'_>| {
        let (first, field) = (model.first(at), model.lend_mut(flattened.field));
        let embedded = embedded_value(flattened.ty);
        quote!(#embedded::assign(#field, #mapping.place(#first), column, value))
    };
    let bounds = bounds(model);
    let body = by_column(model, own, embedded, &quote!(::std::unreachable!()));
    quote!(#bounds #body)
}

/// Overrides `assign_many` if there are embedded values.
fn assign_many(model: &Model<'_>) -> TokenStream {
    if model.flattened.is_empty() {
        return TokenStream::new();
    }
    let body = assign_many_body(model);
    quote! {
        fn assign_many(
            &mut self,
            mapper: &::selfsame::entity::Mapper,
            columns: &[usize],
            row: &dyn ::selfsame::backend::Row,
        ) -> ::selfsame::Result<()> {
            let place = mapper.place(0);
            #body
        }
    }
}

/// Sets the columns of each embedded value together, and the others one by one.
pub(super) fn assign_many_body(model: &Model<'_>) -> TokenStream {
    let mapping = model.mapping();
    let ranges = model.flattened.iter().enumerate().map(|(at, flattened)| {
        let (first, value) = (model.first(at), embedded_value(flattened.ty));
        quote!((#first..#first + #value::WIDTH))
    });
    let embedded = model.flattened.iter().enumerate().map(|(at, flattened)| {
        let (first, field) = (model.first(at), flattened.field);
        let value = embedded_value(flattened.ty);
        quote!(#value::assign_many(&mut self.#field, #mapping.place(#first), columns, row)?;)
    });
    let own = match model.role {
        Role::Entity => quote!(place.own(columns)),
        Role::Embedded => {
            let width = quote!(<Self as ::selfsame::entity::Embedded>::WIDTH);
            quote!(place.own(columns).take_while(|&column| column < #width))
        }
    };
    quote! {
        for column in #own {
            if #(!#ranges.contains(&column))&&* {
                self.assign(#mapping, column, place.value(row, column)?)?;
            }
        }
        #(#embedded)*
        ::std::result::Result::Ok(())
    }
}

fn validate(model: &Model<'_>) -> TokenStream {
    let Some(body) = validate_body(model) else {
        return TokenStream::new();
    };
    quote! {
        fn validate(
            &self,
            mapper: &::selfsame::entity::Mapper,
            column: usize,
        ) -> ::selfsame::Result<()> {
            #body
        }
    }
}

/// `None` if there is nothing to validate.
pub(super) fn validate_body(model: &Model<'_>) -> Option<TokenStream> {
    let validates = model.columns.iter().any(|column| column.validate.is_some());
    if !validates && model.flattened.is_empty() {
        return None;
    }
    let mapping = model.mapping();
    let own = |index, column: &Column<'_>| {
        let call = validation(&model.position(index), column, &mapping)?;
        let field = model.lend(column.field);
        Some(quote! {{
            let value = #field;
            #call
        }})
    };
    let embedded = |at, flattened: &Flattened<'_>| {
        let (first, field) = (model.first(at), model.lend(flattened.field));
        let embedded = embedded_value(flattened.ty);
        quote!(#embedded::validate(#field, #mapping.place(#first), column))
    };
    let otherwise = quote!(::std::result::Result::Ok(()));
    Some(by_column(model, own, embedded, &otherwise))
}

/// Calls the validation function with the value inside `Option`, `Auto` and `Deferred`, if there is one.
fn validation(
    index: &TokenStream,
    column: &Column<'_>,
    mapping: &TokenStream,
) -> Option<TokenStream> {
    let path = column.validate.as_ref()?;
    let rule = quote!(#path).to_string().replace(' ', "");
    let mut call = quote!(#mapping.validated(#index, #rule, #path(value)));
    let mut ty = column.ty;
    let mut inner = Vec::new();
    while let Some(argument) = shape::argument(ty, "Option").or_else(|| shape::argument(ty, "Auto"))
    {
        inner.push(shape::is_auto(ty));
        ty = argument;
    }
    if column.is_deferred() {
        inner.insert(0, true);
    }
    for has_get in inner.into_iter().rev() {
        let value = if has_get {
            quote!(value.get())
        } else {
            quote!(value.as_ref())
        };
        call = quote! {
            match #value {
                ::std::option::Option::Some(value) => #call,
                ::std::option::Option::None => ::std::result::Result::Ok(()),
            }
        };
    }
    Some(call)
}

/// `Mapped::deferred`, if there are deferred columns.
fn deferred(model: &Model<'_>) -> TokenStream {
    let (indexes, fields) = chosen(model, |column| column.is_deferred());
    if indexes.is_empty() {
        return TokenStream::new();
    }
    quote! {
        fn deferred(&self, column: usize) -> ::std::option::Option<&dyn ::std::any::Any> {
            match column {
                #(column if column == #indexes => ::std::option::Option::Some(&self.#fields),)*
                _ => ::std::option::Option::None,
            }
        }
    }
}

/// `Mapped::unload`, for deferred columns and generated keys.
fn unload(model: &Model<'_>) -> TokenStream {
    let (deferred, deferred_fields) = chosen(model, |column| column.is_deferred());
    let (counted, counted_fields) = chosen(model, |column| column.is_generated_key());
    if deferred.is_empty() && counted.is_empty() {
        return TokenStream::new();
    }
    quote! {
        fn unload(&mut self, column: usize) {
            match column {
                #(column if column == #deferred => self.#deferred_fields = ::selfsame::value::Deferred::UNLOADED,)*
                #(column if column == #counted => self.#counted_fields = ::selfsame::value::Auto::UNSET,)*
                _ => {}
            }
        }
    }
}

/// The positions and fields of some columns.
fn chosen<'m>(
    model: &'m Model<'_>,
    is_chosen: impl Fn(&Column<'_>) -> bool,
) -> (Vec<TokenStream>, Vec<&'m syn::Ident>) {
    let columns = model.columns.iter().enumerate();
    columns
        .filter(|(_, column)| is_chosen(column))
        .map(|(index, column)| (model.position(index), column.field))
        .unzip()
}

fn take_pending_relations(model: &Model<'_>) -> TokenStream {
    if model.relations.is_empty() {
        return TokenStream::new();
    }
    let takes = model.relations.iter().map(|relation| {
        let (field, constant) = (relation.field, &relation.constant);
        let (bound, target) = (entity_bound(relation, model), relation.target);
        let method = match relation.kind {
            Kind::HasMany => quote!(many::<#target>),
            Kind::HasOne => quote!(has_one::<#target, _>),
            Kind::BelongsTo => quote!(belongs_to::<#target, _>),
            Kind::ManyToMany => quote!(many_to_many::<#target>),
        };
        quote! {
            #bound
            pending_relations.#method(Self::#constant, &mut self.#field);
        }
    });
    quote! {
        fn take_pending_relations(&mut self, pending_relations: &mut ::selfsame::entity::PendingRelations<Self>) {
            #(#takes)*
        }
    }
}
