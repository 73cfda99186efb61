CREATE TABLE countries (code VARCHAR(2) NOT NULL PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE users (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name VARCHAR(50) NOT NULL UNIQUE,
    age INT,
    "type" TEXT NOT NULL DEFAULT 'person',
    note TEXT DEFAULT ('it''s ' || 'new'),
    country VARCHAR(2) NOT NULL REFERENCES countries ON UPDATE CASCADE,
    manager_id BIGINT REFERENCES users ON DELETE SET NULL
);
CREATE TABLE user_profile (
    user_id BIGINT NOT NULL PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    picture BLOB
);
CREATE TABLE "Order" (
    "OrderId" INTEGER PRIMARY KEY,
    "BuyerId" INTEGER NOT NULL REFERENCES users,
    "SellerId" INTEGER REFERENCES users,
    placed TIMESTAMP TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE order_lines (
    order_id BIGINT NOT NULL REFERENCES "Order" ON DELETE CASCADE,
    place SMALLINT NOT NULL,
    price DECIMAL TEXT(10, 2) COLLATE decimal NOT NULL,
    PRIMARY KEY (order_id, place)
);
CREATE TABLE line_events (
    id INTEGER PRIMARY KEY,
    order_id BIGINT,
    place SMALLINT,
    what TEXT NOT NULL,
    UNIQUE (order_id, what),
    FOREIGN KEY (order_id, place) REFERENCES order_lines (order_id, place)
);
CREATE INDEX line_events_order_id_place_idx ON line_events (order_id, place);
CREATE INDEX line_events_what_idx ON line_events (what);
CREATE TABLE "größe, in m" (
    "select" INTEGER PRIMARY KEY,
    "self" BOOLEAN NOT NULL,
    "1st" FLOAT4,
    "First" REAL,
    "_first" REAL,
    "a""b\c" TEXT,
    "the.key" INTEGER REFERENCES "größe, in m"
);
CREATE TABLE types (
    id UUID BLOB NOT NULL PRIMARY KEY,
    a DECIMAL TEXT COLLATE decimal,
    b DATE TEXT,
    c TIME TEXT NOT NULL,
    d TIMESTAMPTZ TEXT,
    e JSON TEXT,
    f BLOB NOT NULL
);
CREATE TABLE user_countries (
    user_id BIGINT NOT NULL REFERENCES users ON UPDATE CASCADE,
    country VARCHAR(2) NOT NULL REFERENCES countries ON UPDATE CASCADE,
    PRIMARY KEY (user_id, country)
);
CREATE INDEX user_countries_country_idx ON user_countries (country);
CREATE TABLE friends (
    user_id BIGINT NOT NULL REFERENCES users ON DELETE CASCADE,
    friend_id BIGINT NOT NULL REFERENCES users,
    PRIMARY KEY (user_id, friend_id)
)
