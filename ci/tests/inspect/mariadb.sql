ALTER DATABASE CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;
CREATE TABLE countries (code varchar(2) NOT NULL PRIMARY KEY, name longtext NOT NULL) COMMENT 'Where people live';
CREATE TABLE users (
    id int NOT NULL AUTO_INCREMENT PRIMARY KEY,
    name varchar(50) NOT NULL UNIQUE COMMENT 'As it is spoken',
    age int CHECK (age >= 0),
    "type" longtext NOT NULL DEFAULT 'person',
    country varchar(2) NOT NULL,
    manager_id int,
    CONSTRAINT grown_up CHECK (age > 17 OR name <> ''),
    CONSTRAINT users_country_fkey FOREIGN KEY (country) REFERENCES countries (code) ON UPDATE CASCADE,
    CONSTRAINT users_manager_id_fkey FOREIGN KEY (manager_id) REFERENCES users (id) ON DELETE SET NULL
);
CREATE TABLE user_profile (
    user_id int NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    picture longblob
);
CREATE TABLE "Order" (
    "OrderId" bigint NOT NULL AUTO_INCREMENT PRIMARY KEY,
    "BuyerId" int NOT NULL REFERENCES users (id),
    "SellerId" int REFERENCES users (id),
    placed datetime(6) NOT NULL DEFAULT current_timestamp(6)
);
CREATE TABLE order_lines (
    order_id bigint NOT NULL REFERENCES "Order" ("OrderId") ON DELETE CASCADE,
    place smallint NOT NULL,
    price decimal(10, 2) NOT NULL,
    PRIMARY KEY (order_id, place)
);
CREATE TABLE line_events (
    id bigint NOT NULL AUTO_INCREMENT PRIMARY KEY,
    order_id bigint,
    place smallint,
    what varchar(20) NOT NULL,
    UNIQUE (order_id, what),
    INDEX (order_id, place),
    INDEX by_what (what),
    FOREIGN KEY (order_id, place) REFERENCES order_lines (order_id, place)
);
CREATE TABLE "größe, in m" (
    "select" bigint NOT NULL AUTO_INCREMENT PRIMARY KEY,
    "self" tinyint(1) NOT NULL,
    "1st" float,
    "First" double,
    "_first" double,
    "a""b\c" longtext,
    "the.key" bigint REFERENCES "größe, in m" ("select")
);
CREATE TABLE types (
    id binary(16) NOT NULL PRIMARY KEY,
    a decimal(65, 30),
    b date,
    c time(6) NOT NULL,
    d datetime(6),
    e json,
    f longblob NOT NULL,
    g bigint GENERATED ALWAYS AS (char_length(f)) STORED
);
CREATE TABLE user_countries (
    user_id int NOT NULL REFERENCES users (id) ON UPDATE CASCADE,
    country varchar(2) NOT NULL REFERENCES countries (code) ON UPDATE CASCADE,
    PRIMARY KEY (user_id, country)
);
CREATE TABLE friends (
    user_id int NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    friend_id int NOT NULL REFERENCES users (id),
    PRIMARY KEY (user_id, friend_id)
);
CREATE VIEW grown AS SELECT id, name, age FROM users WHERE age > 17
