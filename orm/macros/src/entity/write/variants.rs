//! `impl Embedded` of an enum, the struct of its typed columns, and the type of its tag.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::Ident;

use super::{Model, Part, columns, embedded, embedded_value, mapper, types};
use crate::db_enum;
use crate::entity::variants::{Form, Variant, Variants};
use crate::shape;

pub(super) fn code(enumeration: &Variants<'_>) -> TokenStream {
    let tag = tag(enumeration);
    let columns = typed_columns(enumeration);
    let value = value(enumeration);
    let types = enumeration
        .variants
        .iter()
        .map(|variant| types::checks(&variant.model));
    quote! {
        #tag
        #columns
        #value
        #(#types)*
    }
}

fn tag_name(enumeration: &Variants<'_>) -> Ident {
    format_ident!("{}Tag", enumeration.name)
}

/// The type of the tag, and the method that returns it.
fn tag(enumeration: &Variants<'_>) -> TokenStream {
    let (name, visibility, tag) = (
        enumeration.name,
        enumeration.visibility,
        tag_name(enumeration),
    );
    let variants = &enumeration.variants;
    let labels: Vec<_> = variants
        .iter()
        .map(|v| (v.ident, v.label.clone()))
        .collect();
    let column_value = db_enum::implementation(&tag, None, &labels);
    let (idents, texts): (Vec<_>, Vec<_>) = labels.iter().cloned().unzip();
    let documented = variants.iter().map(|variant| {
        let (ident, doc) = (variant.ident, format!("`{}`.", variant.label));
        quote!(#[doc = #doc] #ident)
    });
    let doc = format!("The variant of a `{name}`, without its data.");
    quote! {
        #[doc = #doc]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #visibility enum #tag {
            #(#documented,)*
        }

        #column_value

        #[automatically_derived]
        #[allow(dead_code)]
        impl #tag {
            /// Returns the label that is stored in the column.
            #visibility const fn label(self) -> &'static str {
                match self {
                    #(Self::#idents => #texts,)*
                }
            }
        }

        #[automatically_derived]
        #[allow(dead_code)]
        impl #name {
            /// Returns the variant without its data.
            #visibility const fn tag(&self) -> #tag {
                match self {
                    #(Self::#idents { .. } => #tag::#idents,)*
                }
            }
        }
    }
}

/// The structs of typed columns: that of the enum, and those of variants with named fields.
fn typed_columns(enumeration: &Variants<'_>) -> TokenStream {
    let (name, visibility, tag) = (
        enumeration.name,
        enumeration.visibility,
        tag_name(enumeration),
    );
    let columns = format_ident!("{name}Columns");
    let with_columns = || {
        enumeration
            .variants
            .iter()
            .enumerate()
            .filter(|(_, v)| v.form != Form::Unit)
    };
    let of_variants = with_columns().filter(|(_, v)| v.form == Form::Named);
    let of_variants = of_variants.map(|(_, variant)| embedded::columns(&variant.model));
    let fields = with_columns().map(|(_, variant)| {
        let (field, ty) = (&variant.field, columns_type(variant));
        let doc = format!("The columns of `{}`.", variant.ident);
        quote!(#[doc = #doc] #visibility #field: #ty)
    });
    let values = with_columns().map(|(at, variant)| {
        let (field, ty) = (&variant.field, columns_type(variant));
        let first = first(enumeration, at);
        quote!(#field: <#ty>::at(first + #first))
    });
    let questions = enumeration.variants.iter().map(|variant| {
        let ident = variant.ident;
        let question = format_ident!("is_{}", shape::name(&variant.field));
        let doc = format!("Tests whether it is a `{ident}`.");
        quote! {
            #[doc = #doc]
            #visibility fn #question(self) -> ::selfsame::sql::Predicate<Owner> {
                ::selfsame::sql::Column::<Owner, #tag>::new(self.tag.index()).eq(#tag::#ident)
            }
        }
    });
    let doc = format!("The columns of a `{name}` in an entity `Owner`.");
    let tag_doc = format!("The column `{}`.", enumeration.tag.column);
    quote! {
        #(#of_variants)*

        #[doc = #doc]
        #[allow(dead_code)]
        #visibility struct #columns<Owner, Presence: ::selfsame::entity::Presence> {
            #[doc = #tag_doc]
            #visibility tag: ::selfsame::sql::Column<
                Owner,
                <Presence as ::selfsame::entity::Presence>::Of<#tag>,
            >,
            #(#fields,)*
        }

        #[automatically_derived]
        impl<Owner, Presence: ::selfsame::entity::Presence> ::std::clone::Clone for #columns<Owner, Presence> {
            fn clone(&self) -> Self {
                *self
            }
        }

        #[automatically_derived]
        impl<Owner, Presence: ::selfsame::entity::Presence> ::std::marker::Copy for #columns<Owner, Presence> {}

        #[automatically_derived]
        impl<Owner, Presence: ::selfsame::entity::Presence> #columns<Owner, Presence> {
            #[doc(hidden)]
            pub const fn at(first: usize) -> Self {
                Self {
                    tag: ::selfsame::sql::Column::at(first),
                    #(#values,)*
                }
            }
        }

        #[automatically_derived]
        #[allow(dead_code)]
        impl<Owner: ::selfsame::Entity, Presence: ::selfsame::entity::Presence> #columns<Owner, Presence> {
            #(#questions)*
        }
    }
}

/// The type of the columns of a variant, which are nullable.
fn columns_type(variant: &Variant<'_>) -> TokenStream {
    let optional = quote!(::selfsame::entity::Optional);
    match &variant.model.flattened[..] {
        [whole] if variant.form == Form::Newtype => {
            let value = embedded_value(whole.ty);
            quote!(#value::Columns<Owner, #optional>)
        }
        _ => {
            let columns = format_ident!("{}Columns", variant.model.name);
            quote!(#columns<Owner, #optional>)
        }
    }
}

/// The position of the first column of a variant: the tag and the columns of the variants before it come first.
fn first(enumeration: &Variants<'_>, at: usize) -> TokenStream {
    let before = enumeration.variants[..at].iter();
    let columns = 1 + before.clone().map(|v| v.model.columns.len()).sum::<usize>();
    let embedded = before.flat_map(|variant| &variant.model.flattened);
    super::sum(columns, embedded)
}

fn width(variant: &Variant<'_>) -> TokenStream {
    super::sum(variant.model.columns.len(), variant.model.flattened.iter())
}

/// The pattern that binds the fields of a variant.
fn pattern(variant: &Variant<'_>) -> TokenStream {
    let ident = variant.ident;
    let parts = variant.model.parts();
    let fields = parts.iter().map(Part::field);
    let bindings = parts.iter().map(|part| super::binding(part.field()));
    match variant.form {
        Form::Unit => quote!(Self::#ident),
        Form::Named => quote!(Self::#ident { #(#fields: #bindings),* }),
        Form::Newtype => quote!(Self::#ident(#(#bindings),*)),
    }
}

fn value(enumeration: &Variants<'_>) -> TokenStream {
    let name = enumeration.name;
    let columns = format_ident!("{name}Columns");
    let group = group(enumeration);
    let hydrate = hydrate(enumeration);
    let null = quote!(::selfsame::value::Param::Ref(
        ::selfsame::value::ValueRef::Null
    ));
    let tag_value = quote!(::selfsame::value::Param::Ref(
        ::selfsame::value::ValueRef::Text(self.tag().label())
    ));
    let value = by_variant(enumeration, |model, _| Some(columns::value_body(model)));
    let each_value = each_value(enumeration);
    let in_place = |first: &TokenStream, body| {
        quote! {{
            let place = place.place(#first);
            #body
        }}
    };
    let assign = by_variant(enumeration, |model, first| {
        Some(in_place(first, columns::assign_body(model)))
    });
    let validate = by_variant(enumeration, |model, first| {
        columns::validate_body(model).map(|body| in_place(first, body))
    });
    quote! {
        #[automatically_derived]
        #[allow(unused_variables)]
        impl ::selfsame::entity::Embedded for #name {
            type Columns<Owner, Presence: ::selfsame::entity::Presence> = #columns<Owner, Presence>;

            const GROUP: ::selfsame::entity::outline::Group = #group;

            fn hydrate(
                place: ::selfsame::entity::Place<'_>,
                row: &dyn ::selfsame::backend::Row,
                at: usize,
            ) -> ::selfsame::Result<Self> {
                #hydrate
            }

            fn value(&self, column: usize) -> ::selfsame::value::Param<'_> {
                if column == 0 {
                    return #tag_value;
                }
                #value
                #null
            }

            fn each_value(
                &self,
                first: usize,
                each: &mut impl ::std::ops::FnMut(usize, ::selfsame::value::Param<'_>),
            ) {
                each(first, #tag_value);
                #each_value
            }

            fn is_unset(&self, column: usize) -> bool {
                false
            }

            fn assign(
                &mut self,
                place: ::selfsame::entity::Place<'_>,
                column: usize,
                value: ::selfsame::value::ValueRef<'_>,
            ) -> ::selfsame::Result<()> {
                if column == 0 {
                    return place.keep_tag(&self.tag(), value);
                }
                #assign
                place.keep_absent(column, value)
            }

            fn assign_many(
                &mut self,
                place: ::selfsame::entity::Place<'_>,
                columns: &[usize],
                row: &dyn ::selfsame::backend::Row,
            ) -> ::selfsame::Result<()> {
                let made = ::selfsame::entity::Remade::new(place, self, columns, row)?;
                if let ::std::option::Option::Some(row) = made {
                    *self = <Self as ::selfsame::entity::Embedded>::hydrate(place, &row, 0)?;
                }
                ::std::result::Result::Ok(())
            }

            fn validate(
                &self,
                place: ::selfsame::entity::Place<'_>,
                column: usize,
            ) -> ::selfsame::Result<()> {
                #validate
                ::std::result::Result::Ok(())
            }
        }
    }
}

fn group(enumeration: &Variants<'_>) -> TokenStream {
    let (tag, column) = (tag_name(enumeration), &enumeration.tag.column);
    let index = enumeration.tag.is_indexed.then(|| {
        quote!(__outline::IndexOutline {
            name: ::std::option::Option::None,
            columns: &[#column],
            deferrable: ::selfsame::schema::Deferrable::No,
        })
    });
    let index = index.into_iter();
    let variants = enumeration.variants.iter().filter(|v| v.form != Form::Unit);
    let variants = variants.map(|variant| {
        let group = mapper::group(&variant.model);
        let (field, prefix) = (shape::name(&variant.field), &variant.prefix);
        quote! {
            __outline::EmbeddedOutline {
                field: #field,
                prefix: #prefix,
                before: 1,
                group: &#group,
            }
        }
    });
    quote! {{
        use ::selfsame::entity::outline as __outline;
        __outline::Group {
            columns: &[__outline::ColumnOutline {
                name: #column,
                ty: <#tag as ::selfsame::value::ColumnValue>::column_type,
                nullable: false,
                generated: __outline::GeneratedOutline::No,
                comment: ::std::option::Option::None,
            }],
            embedded: &[#(#variants),*],
            assigned: __outline::Assigned::Together,
            indexes: &[#(#index),*],
            ..__outline::Group::EMPTY
        }
    }}
}

fn hydrate(enumeration: &Variants<'_>) -> TokenStream {
    let tag = tag_name(enumeration);
    let arms = enumeration.variants.iter().enumerate().map(|(at, variant)| {
        let (ident, first) = (variant.ident, first(enumeration, at));
        let made = match (variant.form, &variant.model.flattened[..]) {
            (Form::Newtype, [whole]) => {
                let value = embedded_value(whole.ty);
                quote!(::std::result::Result::Ok(Self::#ident(#value::hydrate(place, row, at)?)))
            }
            (Form::Unit, _) => return quote!(#tag::#ident => ::std::result::Result::Ok(Self::#ident),),
            _ => columns::hydration(&variant.model, &quote!(Self::#ident)),
        };
        quote! {
            #tag::#ident => {
                let (place, at) = (place.place(#first), at + #first);
                #made
            }
        }
    });
    quote! {
        match place.read::<#tag>(row, at, 0)? {
            #(#arms)*
        }
    }
}

/// Dispatches on the value's variant to `body` if it has the column, with `column` relative to the variant's first.
fn by_variant(
    enumeration: &Variants<'_>,
    body: impl Fn(&Model<'_>, &TokenStream) -> Option<TokenStream>,
) -> TokenStream {
    let variants = enumeration.variants.iter().enumerate();
    let arms = variants.filter(|(_, variant)| variant.form != Form::Unit);
    let arms = arms.filter_map(|(at, variant)| {
        let (first, width) = (first(enumeration, at), width(variant));
        let (pattern, body) = (pattern(variant), body(&variant.model, &first)?);
        Some(quote! {
            #pattern if (#first..#first + #width).contains(&column) => {
                let column = column - (#first);
                return { #body };
            }
        })
    });
    quote! {
        match self {
            #(#arms)*
            _ => {}
        }
    }
}

fn each_value(enumeration: &Variants<'_>) -> TokenStream {
    let variants = enumeration.variants.iter().enumerate();
    let each = variants
        .filter(|(_, v)| v.form != Form::Unit)
        .map(|(at, variant)| {
            let (first, width) = (first(enumeration, at), width(variant));
            let pattern = pattern(variant);
            let parts = columns::each_part(&variant.model, &quote!(first+), &quote!(each));
            let null = quote!(::selfsame::value::Param::Ref(
                ::selfsame::value::ValueRef::Null
            ));
            quote! {{
                let first = first + #first;
                match self {
                    #pattern => { #parts }
                    _ => (first..first + #width).for_each(|column| each(column, #null)),
                }
            }}
        });
    each.collect()
}
