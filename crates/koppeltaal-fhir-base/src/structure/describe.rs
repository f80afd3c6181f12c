//! How a type is described: [`describe!`] takes one list of its elements. From it the macro makes the schema,
//! the walk and the slots that readers and writers work with.
//!
//! Generated code and `bundle.rs` call it, once per struct:
//!
//! ```text
//! describe! { Link "Link" feed_part:
//!     0 "rel" rel Attribute optional,
//!     1 "href" href Attribute mandatory,
//! }
//! ```
//!
//! The head names the struct, the type in the standard and the constructor of [`TypeSchema`]; `id` follows
//! where the struct has a field of that name. Each line is one element, in the order in which elements are
//! written: its index, its name in the standard, the field of the struct, the [`Shape`] and the constructor
//! of [`FieldSchema`].
//!
//! A choice of types (`value[x]`) takes as many indexes as it has alternatives. Its head names the field, the
//! enum, the constructor of its rows and the indexes; each line gives index, name, variant and shape of an
//! alternative:
//!
//! ```text
//!     choice value ObservationValue optional 7..=8 {
//!         7 "valueQuantity" Quantity Structure,
//!         8 "valueCodeableConcept" CodeableConcept Structure,
//!     },
//! ```
//!
//! Indexes are written out because plain macro repetition, which compiles fast, cannot count. A wrong index
//! does not compile.
//!
//! [`TypeSchema`]: crate::structure::TypeSchema
//! [`Shape`]: crate::structure::Shape
//! [`FieldSchema`]: crate::structure::FieldSchema

/// Implements [`Structure`](crate::structure::Structure) for a struct, and
/// [`Choice`](crate::structure::Choice) for the enums of its choices. The module has the syntax.
#[macro_export]
macro_rules! describe {
    ($type:ident $type_name:literal $kind:ident $($id:ident)?: $(
        $($index:literal $name:literal $field:ident $shape:ident $cardinality:ident)?
        $(choice $choice_field:ident $choice:ident $choice_cardinality:ident $first:literal ..= $last:literal {
            $($alternative:literal $alternative_name:literal $variant:ident $alternative_shape:ident,)+
        })?
    ,)*) => {
        impl $crate::structure::Structure for $type {
            fn schema(&self) -> &'static $crate::structure::TypeSchema {
                use $crate::structure::{FieldSchema, Shape, TypeSchema};
                use $crate::member;

                static SCHEMA: TypeSchema = TypeSchema::$kind($type_name, &[$(
                    $(FieldSchema::$cardinality($index, member!($name), Shape::$shape),)?
                    $($(
                        FieldSchema::$choice_cardinality(
                            $alternative,
                            member!($alternative_name),
                            Shape::$alternative_shape,
                        )
                        .alternative_of($first, $last),
                    )+)?
                )*]);
                &SCHEMA
            }

            $(
                fn id(&self) -> Option<&str> {
                    self.$id.as_deref()
                }

                fn set_id(&mut self, id: String) {
                    self.$id = Some(id);
                }
            )?

            fn unknown(&self) -> &$crate::Unknown {
                &self.unknown
            }

            fn unknown_mut(&mut self) -> &mut $crate::Unknown {
                &mut self.unknown
            }

            fn walk(&self, walker: &mut dyn $crate::structure::Walker) {
                let fields = self.schema().fields;
                $(
                    $($crate::structure::Field::walk(&self.$field, &fields[$index], walker);)?
                    $($crate::structure::walk_choice(&self.$choice_field, fields, walker);)?
                )*
            }

            fn slot(&mut self, index: usize) -> $crate::structure::Slot<'_> {
                match index {
                    $(
                        $($index => $crate::structure::Field::slot(&mut self.$field),)?
                        $($first..=$last => $crate::structure::slot_choice(&mut self.$choice_field, index),)?
                    )*
                    _ => $crate::structure::Slot::None,
                }
            }
        }

        $($(
            impl $crate::structure::Choice for $choice {
                fn alternative(&self) -> usize {
                    match self {
                        $(Self::$variant(_) => $alternative,)+
                    }
                }

                fn empty(alternative: usize) -> Option<Self> {
                    match alternative {
                        $($alternative => Some(Self::$variant(Default::default())),)+
                        _ => None,
                    }
                }

                fn walk(
                    &self,
                    field: &'static $crate::structure::FieldSchema,
                    walker: &mut dyn $crate::structure::Walker,
                ) {
                    match self {
                        $(Self::$variant(value) => $crate::structure::Field::walk(value, field, walker),)+
                    }
                }

                fn slot(&mut self) -> $crate::structure::Slot<'_> {
                    match self {
                        $(Self::$variant(value) => $crate::structure::Field::slot(value),)+
                    }
                }
            }
        )?)*
    };
}
