//! Entities of a database (sqlite), written by `selfsame inspect`.
//!
//! Triggers are left out. Anything else that an entity cannot express is a comment on the entity or field.

use selfsame::prelude::*;

/// Every table that has an entity.
pub fn metadata() -> Metadata {
    metadata![
        AView,
        BoxRow,
        Bumped,
        Café,
        CaseName,
        Default,
        Geo,
        GivesWay,
        KeyWithComputed,
        LoooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooongTable,
        Misfit,
        ODdNameDot,
        OnlyMade,
        OpenNode,
        Paper,
        RefsCase,
        RowidNamed,
        SelfRow,
        StrictKind,
        Swapped,
        Swap,
        TextKey,
        Tree,
        TwoBack,
        TwoWay,
        Typeless,
        Unfit,
        Wide,
    ]
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "a view")]
#[orm(view)]
pub struct AView {
    #[orm(column = "how many", db_type = "UNTYPED BLOB")]
    pub how_many: Option<String>,
    #[orm(column = "the \"last\"", db_type = "UNTYPED BLOB")]
    pub the_last: Option<String>,
}

// It is a virtual table: CREATE VIRTUAL TABLE boxes USING rtree(id, min_x, max_x, +label TEXT).
#[derive(Entity, Clone, Debug)]
#[orm(table = "boxes")]
#[orm(view)]
pub struct BoxRow {
    pub id: Option<i64>,
    pub min_x: Option<f64>,
    pub max_x: Option<f64>,
    #[orm(db_type = "UNTYPED BLOB")]
    pub label: Option<String>,
}

// It has triggers: bump.
#[derive(Entity, Clone, Debug)]
#[orm(table = "bumped")]
pub struct Bumped {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    #[orm(server_default = "0")]
    pub n: Auto<i64>,
    pub touched: Option<String>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "café")]
pub struct Café {
    #[orm(primary_key)]
    pub é: Auto<i64>,
    #[orm(column = "e\u{301}")]
    pub e: Option<i64>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "case_Names")]
pub struct CaseName {
    #[orm(primary_key, column = "ID")]
    pub id: Auto<i64>,
    #[orm(column = "Name")]
    pub name: Option<String>,
    #[orm(column = "NAME2")]
    pub name2: Option<String>,
    #[orm(back_populates = case_name)]
    pub refs_cases: HasMany<RefsCase>,
}

// Not here: CREATE INDEX partial ON defaults (a) WHERE b > 0.
// Not here: CREATE INDEX expr ON defaults (a, lower(e)).
// Only partly here: CREATE UNIQUE INDEX "odd index" ON defaults (b DESC, c COLLATE NOCASE).
#[derive(Entity, Clone, Debug)]
#[orm(table = "defaults")]
#[orm(unique(b, c, name = "odd index"))]
pub struct Default {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    #[orm(server_default = "(lower('X'))")]
    pub a: Auto<Option<String>>,
    #[orm(server_default = "-1")]
    pub b: Auto<Option<i64>>,
    #[orm(server_default = "1e3")]
    pub c: Auto<Option<f64>>,
    #[orm(server_default = "x'ff'")]
    pub d: Auto<Option<Vec<u8>>>,
    #[orm(server_default = "CURRENT_DATE")]
    pub e: Auto<Option<String>>,
    #[orm(db_type = "UNTYPED BLOB", server_default = "TRUE")]
    pub f: Auto<Option<String>>,
    #[orm(server_default = "'a\"b'")]
    pub g: Auto<Option<String>>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "geo")]
pub struct Geo {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    pub place: Option<Vec<u8>>,
    #[orm(db_type = "INTERVAL")]
    pub took: Option<String>,
}

// What breaks its constraints may do something else than fail (ON CONFLICT).
#[derive(Entity, Clone, Debug)]
#[orm(table = "gives_way")]
pub struct GivesWay {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    #[orm(unique)]
    pub n: Option<String>,
}

// It is WITHOUT ROWID.
#[derive(Entity, Clone, Debug)]
#[orm(table = "key_with_computed")]
pub struct KeyWithComputed {
    #[orm(primary_key)]
    pub a: i64,
    #[orm(primary_key)]
    pub b: String,
    #[orm(unique, computed = "a || '-' || b")]
    pub c: Auto<Option<String>>,
}

#[derive(Entity, Clone, Debug)]
#[orm(
    table = "loooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooong_table"
)]
pub struct LoooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooongTable {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    pub loooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooong_column: Option<String>,
    #[orm(
        references = "loooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooong_table.id"
    )]
    pub loooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooong_parent: Option<i64>,
    #[orm(
        back_populates = loooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooong_tables_by_loooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooong_parent
    )]
    pub loooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooong_parent_row: BelongsTo<LoooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooongTable>,
    #[orm(
        back_populates = loooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooong_parent_row
    )]
    pub loooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooong_tables_by_loooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooong_parent: HasMany<LoooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooongTable>,
}

// Not here: the foreign key of a to "unfit", for its key has 2 columns.
// Not here: the foreign key of b to "unfit", for it has no column "nowhere".
// Not here: the foreign key of c to "unfit", for nothing there is unique by c.
// Not here: the foreign key of d to "gone", for there is no such table.
// Not here: the foreign key of e to "open_nodes", for there is no such table.
#[derive(Entity, Clone, Debug)]
#[orm(table = "misfits")]
pub struct Misfit {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    pub a: Option<i64>,
    pub b: Option<String>,
    pub c: Option<String>,
    pub d: Option<i64>,
    pub e: Option<String>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "o'dd \"name\".dot")]
pub struct ODdNameDot {
    #[orm(primary_key, column = "a.b")]
    pub a_b: Auto<i64>,
    #[orm(column = "sel\"ect", server_default = "'it''s'")]
    pub sel_ect: Auto<Option<String>>,
    #[orm(column = "🦀")]
    pub column: Option<i64>,
    #[orm(column = "Ünï")]
    pub ünï: Option<f64>,
    #[orm(column = "with space")]
    pub with_space: Option<Vec<u8>>,
    #[orm(column = "semi;colon")]
    pub semi_colon: Option<String>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "only_made")]
pub struct OnlyMade {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    #[orm(computed = "id * 2")]
    pub twice: Auto<Option<i64>>,
    #[orm(computed = "id * 3")]
    pub thrice: Auto<i64>,
}

// It has triggers: open_insert.
#[derive(Entity, Clone, Debug)]
#[orm(table = "open_nodes")]
#[orm(view)]
pub struct OpenNode {
    pub id: Option<i64>,
    pub label: Option<String>,
}

// It is a virtual table: CREATE VIRTUAL TABLE papers USING fts5(title, body, tokenize = 'porter').
#[derive(Entity, Clone, Debug)]
#[orm(table = "papers")]
#[orm(view)]
pub struct Paper {
    #[orm(db_type = "UNTYPED BLOB")]
    pub title: Option<String>,
    #[orm(db_type = "UNTYPED BLOB")]
    pub body: Option<String>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "refs_case")]
pub struct RefsCase {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    #[orm(references = "case_Names.ID")]
    pub r: Option<i64>,
    #[orm(back_populates = refs_cases)]
    pub case_name: BelongsTo<CaseName>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "rowid_named")]
#[orm(read_only)]
pub struct RowidNamed {
    pub rowid: Option<String>,
    pub oid: Option<String>,
    #[orm(column = "_rowid_")]
    pub rowid2: Option<String>,
    pub v: Option<i64>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "self")]
pub struct SelfRow {
    #[orm(primary_key, column = "self")]
    pub self_: Auto<i64>,
    #[orm(column = "super")]
    pub super_: Option<i64>,
    #[orm(column = "crate")]
    pub crate_: Option<i64>,
    pub r#fn: Option<i64>,
    pub r_type: Option<i64>,
    pub r#type: Option<i64>,
    pub r#match: Option<String>,
    pub new: Option<String>,
    pub table: Option<String>,
    pub query: Option<String>,
    pub mapper: Option<String>,
}

// It is STRICT.
// It is WITHOUT ROWID.
#[derive(Entity, Clone, Debug)]
#[orm(table = "strict_kinds")]
#[orm(check = "length(t) < 10")]
pub struct StrictKind {
    #[orm(primary_key)]
    pub id: i64,
    pub i: i64,
    pub r: Option<f64>,
    pub t: Option<String>,
    pub b: Option<Vec<u8>>,
    #[orm(db_type = "ANY")]
    pub a: Option<String>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "swapped")]
pub struct Swapped {
    #[orm(primary_key = 2)]
    pub a: i64,
    #[orm(primary_key = 1)]
    pub b: i64,
    pub name: Option<String>,
    #[orm(back_populates = swapped)]
    pub swaps: HasMany<Swap>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "swaps")]
#[orm(foreign_key(columns(x, y), references = "swapped(a, b)"))]
pub struct Swap {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    pub x: Option<i64>,
    pub y: Option<i64>,
    #[orm(back_populates = swaps)]
    pub swapped: BelongsTo<Swapped>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "text_key")]
pub struct TextKey {
    #[orm(primary_key)]
    pub k: String,
    pub v: Option<String>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "tree")]
pub struct Tree {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    #[orm(references = "tree.id", on_delete = "cascade", on_update = "cascade")]
    pub up: Option<i64>,
    #[orm(references = "tree.id")]
    pub other: Option<i64>,
    // Its collation is NOCASE.
    #[orm(unique)]
    pub label: Option<String>,
    #[orm(back_populates = trees_by_up, key = "up")]
    pub up_row: BelongsTo<Tree>,
    #[orm(back_populates = trees_by_other, key = "other")]
    pub other_row: BelongsTo<Tree>,
    #[orm(back_populates = up_row, cascade = "merge, delete", passive_deletes)]
    pub trees_by_up: HasMany<Tree>,
    #[orm(back_populates = other_row)]
    pub trees_by_other: HasMany<Tree>,
}

// No relation follows the foreign key (a): it does not refer to the primary key.
#[derive(Entity, Clone, Debug)]
#[orm(table = "two_back")]
pub struct TwoBack {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    #[orm(references = "two_ways.a")]
    pub a: Option<i64>,
    #[orm(back_populates = two_back)]
    pub two_way: HasOne<TwoWay>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "two_ways")]
#[orm(unique(a, id))]
pub struct TwoWay {
    #[orm(unique, references = "two_back.id")]
    pub a: Option<i64>,
    #[orm(primary_key)]
    pub id: Auto<i64>,
    #[orm(back_populates = two_way)]
    pub two_back: BelongsTo<TwoBack>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "typeless")]
pub struct Typeless {
    #[orm(primary_key, db_type = "UNTYPED BLOB")]
    pub k: String,
    #[orm(db_type = "UNTYPED BLOB")]
    pub v: Option<String>,
    #[orm(db_type = "UNTYPED BLOB")]
    pub desc: Option<String>,
    pub order: Option<i64>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "unfit")]
pub struct Unfit {
    #[orm(primary_key)]
    pub a: i64,
    #[orm(primary_key)]
    pub b: i64,
    pub c: Option<String>,
}

#[derive(Entity, Clone, Debug)]
#[orm(table = "wide")]
pub struct Wide {
    #[orm(primary_key)]
    pub id: Auto<i64>,
    pub column_000: Option<i64>,
    pub column_001: Option<i64>,
    pub column_002: Option<i64>,
    pub column_003: Option<i64>,
    pub column_004: Option<i64>,
    pub column_005: Option<i64>,
    pub column_006: Option<i64>,
    pub column_007: Option<i64>,
    pub column_008: Option<i64>,
    pub column_009: Option<i64>,
    pub column_010: Option<i64>,
    pub column_011: Option<i64>,
    pub column_012: Option<i64>,
    pub column_013: Option<i64>,
    pub column_014: Option<i64>,
    pub column_015: Option<i64>,
    pub column_016: Option<i64>,
    pub column_017: Option<i64>,
    pub column_018: Option<i64>,
    pub column_019: Option<i64>,
    pub column_020: Option<i64>,
    pub column_021: Option<i64>,
    pub column_022: Option<i64>,
    pub column_023: Option<i64>,
    pub column_024: Option<i64>,
    pub column_025: Option<i64>,
    pub column_026: Option<i64>,
    pub column_027: Option<i64>,
    pub column_028: Option<i64>,
    pub column_029: Option<i64>,
    pub column_030: Option<i64>,
    pub column_031: Option<i64>,
    pub column_032: Option<i64>,
    pub column_033: Option<i64>,
    pub column_034: Option<i64>,
    pub column_035: Option<i64>,
    pub column_036: Option<i64>,
    pub column_037: Option<i64>,
    pub column_038: Option<i64>,
    pub column_039: Option<i64>,
    pub column_040: Option<i64>,
    pub column_041: Option<i64>,
    pub column_042: Option<i64>,
    pub column_043: Option<i64>,
    pub column_044: Option<i64>,
    pub column_045: Option<i64>,
    pub column_046: Option<i64>,
    pub column_047: Option<i64>,
    pub column_048: Option<i64>,
    pub column_049: Option<i64>,
    pub column_050: Option<i64>,
    pub column_051: Option<i64>,
    pub column_052: Option<i64>,
    pub column_053: Option<i64>,
    pub column_054: Option<i64>,
    pub column_055: Option<i64>,
    pub column_056: Option<i64>,
    pub column_057: Option<i64>,
    pub column_058: Option<i64>,
    pub column_059: Option<i64>,
    pub column_060: Option<i64>,
    pub column_061: Option<i64>,
    pub column_062: Option<i64>,
    pub column_063: Option<i64>,
    pub column_064: Option<i64>,
    pub column_065: Option<i64>,
    pub column_066: Option<i64>,
    pub column_067: Option<i64>,
    pub column_068: Option<i64>,
    pub column_069: Option<i64>,
    pub column_070: Option<i64>,
    pub column_071: Option<i64>,
    pub column_072: Option<i64>,
    pub column_073: Option<i64>,
    pub column_074: Option<i64>,
    pub column_075: Option<i64>,
    pub column_076: Option<i64>,
    pub column_077: Option<i64>,
    pub column_078: Option<i64>,
    pub column_079: Option<i64>,
    pub column_080: Option<i64>,
    pub column_081: Option<i64>,
    pub column_082: Option<i64>,
    pub column_083: Option<i64>,
    pub column_084: Option<i64>,
    pub column_085: Option<i64>,
    pub column_086: Option<i64>,
    pub column_087: Option<i64>,
    pub column_088: Option<i64>,
    pub column_089: Option<i64>,
    pub column_090: Option<i64>,
    pub column_091: Option<i64>,
    pub column_092: Option<i64>,
    pub column_093: Option<i64>,
    pub column_094: Option<i64>,
    pub column_095: Option<i64>,
    pub column_096: Option<i64>,
    pub column_097: Option<i64>,
    pub column_098: Option<i64>,
    pub column_099: Option<i64>,
    pub column_100: Option<i64>,
    pub column_101: Option<i64>,
    pub column_102: Option<i64>,
    pub column_103: Option<i64>,
    pub column_104: Option<i64>,
    pub column_105: Option<i64>,
    pub column_106: Option<i64>,
    pub column_107: Option<i64>,
    pub column_108: Option<i64>,
    pub column_109: Option<i64>,
    pub column_110: Option<i64>,
    pub column_111: Option<i64>,
    pub column_112: Option<i64>,
    pub column_113: Option<i64>,
    pub column_114: Option<i64>,
    pub column_115: Option<i64>,
    pub column_116: Option<i64>,
    pub column_117: Option<i64>,
    pub column_118: Option<i64>,
    pub column_119: Option<i64>,
    pub column_120: Option<i64>,
    pub column_121: Option<i64>,
    pub column_122: Option<i64>,
    pub column_123: Option<i64>,
    pub column_124: Option<i64>,
    pub column_125: Option<i64>,
    pub column_126: Option<i64>,
    pub column_127: Option<i64>,
    pub column_128: Option<i64>,
    pub column_129: Option<i64>,
    pub column_130: Option<i64>,
    pub column_131: Option<i64>,
    pub column_132: Option<i64>,
    pub column_133: Option<i64>,
    pub column_134: Option<i64>,
    pub column_135: Option<i64>,
    pub column_136: Option<i64>,
    pub column_137: Option<i64>,
    pub column_138: Option<i64>,
    pub column_139: Option<i64>,
    pub column_140: Option<i64>,
    pub column_141: Option<i64>,
    pub column_142: Option<i64>,
    pub column_143: Option<i64>,
    pub column_144: Option<i64>,
    pub column_145: Option<i64>,
    pub column_146: Option<i64>,
    pub column_147: Option<i64>,
    pub column_148: Option<i64>,
    pub column_149: Option<i64>,
    pub column_150: Option<i64>,
    pub column_151: Option<i64>,
    pub column_152: Option<i64>,
    pub column_153: Option<i64>,
    pub column_154: Option<i64>,
    pub column_155: Option<i64>,
    pub column_156: Option<i64>,
    pub column_157: Option<i64>,
    pub column_158: Option<i64>,
    pub column_159: Option<i64>,
    pub column_160: Option<i64>,
    pub column_161: Option<i64>,
    pub column_162: Option<i64>,
    pub column_163: Option<i64>,
    pub column_164: Option<i64>,
    pub column_165: Option<i64>,
    pub column_166: Option<i64>,
    pub column_167: Option<i64>,
    pub column_168: Option<i64>,
    pub column_169: Option<i64>,
    pub column_170: Option<i64>,
    pub column_171: Option<i64>,
    pub column_172: Option<i64>,
    pub column_173: Option<i64>,
    pub column_174: Option<i64>,
    pub column_175: Option<i64>,
    pub column_176: Option<i64>,
    pub column_177: Option<i64>,
    pub column_178: Option<i64>,
    pub column_179: Option<i64>,
    pub column_180: Option<i64>,
    pub column_181: Option<i64>,
    pub column_182: Option<i64>,
    pub column_183: Option<i64>,
    pub column_184: Option<i64>,
    pub column_185: Option<i64>,
    pub column_186: Option<i64>,
    pub column_187: Option<i64>,
    pub column_188: Option<i64>,
    pub column_189: Option<i64>,
    pub column_190: Option<i64>,
    pub column_191: Option<i64>,
    pub column_192: Option<i64>,
    pub column_193: Option<i64>,
    pub column_194: Option<i64>,
    pub column_195: Option<i64>,
    pub column_196: Option<i64>,
    pub column_197: Option<i64>,
    pub column_198: Option<i64>,
    pub column_199: Option<i64>,
    pub column_200: Option<i64>,
    pub column_201: Option<i64>,
    pub column_202: Option<i64>,
    pub column_203: Option<i64>,
    pub column_204: Option<i64>,
    pub column_205: Option<i64>,
    pub column_206: Option<i64>,
    pub column_207: Option<i64>,
    pub column_208: Option<i64>,
    pub column_209: Option<i64>,
    pub column_210: Option<i64>,
    pub column_211: Option<i64>,
    pub column_212: Option<i64>,
    pub column_213: Option<i64>,
    pub column_214: Option<i64>,
    pub column_215: Option<i64>,
    pub column_216: Option<i64>,
    pub column_217: Option<i64>,
    pub column_218: Option<i64>,
    pub column_219: Option<i64>,
    pub column_220: Option<i64>,
    pub column_221: Option<i64>,
    pub column_222: Option<i64>,
    pub column_223: Option<i64>,
    pub column_224: Option<i64>,
    pub column_225: Option<i64>,
    pub column_226: Option<i64>,
    pub column_227: Option<i64>,
    pub column_228: Option<i64>,
    pub column_229: Option<i64>,
    pub column_230: Option<i64>,
    pub column_231: Option<i64>,
    pub column_232: Option<i64>,
    pub column_233: Option<i64>,
    pub column_234: Option<i64>,
    pub column_235: Option<i64>,
    pub column_236: Option<i64>,
    pub column_237: Option<i64>,
    pub column_238: Option<i64>,
    pub column_239: Option<i64>,
    pub column_240: Option<i64>,
    pub column_241: Option<i64>,
    pub column_242: Option<i64>,
    pub column_243: Option<i64>,
    pub column_244: Option<i64>,
    pub column_245: Option<i64>,
    pub column_246: Option<i64>,
    pub column_247: Option<i64>,
    pub column_248: Option<i64>,
    pub column_249: Option<i64>,
    pub column_250: Option<i64>,
    pub column_251: Option<i64>,
    pub column_252: Option<i64>,
    pub column_253: Option<i64>,
    pub column_254: Option<i64>,
    pub column_255: Option<i64>,
    pub column_256: Option<i64>,
    pub column_257: Option<i64>,
    pub column_258: Option<i64>,
    pub column_259: Option<i64>,
    pub column_260: Option<i64>,
    pub column_261: Option<i64>,
    pub column_262: Option<i64>,
    pub column_263: Option<i64>,
    pub column_264: Option<i64>,
    pub column_265: Option<i64>,
    pub column_266: Option<i64>,
    pub column_267: Option<i64>,
    pub column_268: Option<i64>,
    pub column_269: Option<i64>,
    pub column_270: Option<i64>,
    pub column_271: Option<i64>,
    pub column_272: Option<i64>,
    pub column_273: Option<i64>,
    pub column_274: Option<i64>,
    pub column_275: Option<i64>,
    pub column_276: Option<i64>,
    pub column_277: Option<i64>,
    pub column_278: Option<i64>,
    pub column_279: Option<i64>,
    pub column_280: Option<i64>,
    pub column_281: Option<i64>,
    pub column_282: Option<i64>,
    pub column_283: Option<i64>,
    pub column_284: Option<i64>,
    pub column_285: Option<i64>,
    pub column_286: Option<i64>,
    pub column_287: Option<i64>,
    pub column_288: Option<i64>,
    pub column_289: Option<i64>,
    pub column_290: Option<i64>,
    pub column_291: Option<i64>,
    pub column_292: Option<i64>,
    pub column_293: Option<i64>,
    pub column_294: Option<i64>,
    pub column_295: Option<i64>,
    pub column_296: Option<i64>,
    pub column_297: Option<i64>,
    pub column_298: Option<i64>,
    pub column_299: Option<i64>,
}
