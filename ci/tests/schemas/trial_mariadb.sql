CREATE TABLE users (id int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY, login varchar(60) NOT NULL UNIQUE, pass varbinary(60), registered datetime NOT NULL DEFAULT current_timestamp(), touched timestamp NULL ON UPDATE current_timestamp(), born date, wakes time, status enum('', 'on', 'OFF') NOT NULL DEFAULT '', roles set('a', 'b', 'c') NOT NULL DEFAULT '', flag tinyint(1) NOT NULL DEFAULT 0, score float, ratio double, price decimal(10,2), big bigint unsigned, yr year, bits bit(10), doc json, uid uuid, ip inet6, bin binary(4), `select` text, `a b` char(5));
INSERT INTO users (login, pass, registered, born, wakes, status, roles, flag, score, ratio, price, big, yr, bits, doc, uid, ip, bin, `select`, `a b`) VALUES ('Ann', 'x', '2024-02-29 12:30:00', '2024-02-29', '12:30:00', 'on', 'a,b', 1, 0.1, 0.1, 1.50, 18446744073709551615, 2024, b'101', '{"a": 1}', '6f9619ff-8b86-d011-b42d-00c04fc964ff', '::1', 'ab', 'x', 'ab'), ('bob ', 'X', '2024-02-29 12:30:00', '1000-01-01', '23:59:59', 'OFF', '', 0, 16777217, -0.0, 1.5, 0, 1901, b'0', '[1]', NULL, '::ffff:10.0.0.1', '', '', 'ab '), ('ünï', '', '9999-12-31 23:59:59', NULL, NULL, '', 'c', 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'X', 'AB');
CREATE TABLE posts (id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY, author int unsigned NOT NULL, login varchar(60), title varchar(200) COLLATE utf8mb4_bin, body longtext, word varchar(20) CHARACTER SET latin1, at datetime(3), n mediumint, total int GENERATED ALWAYS AS (n * 2) STORED, twice int AS (n + n) VIRTUAL, KEY (author), FOREIGN KEY (author) REFERENCES users (id) ON DELETE CASCADE, FOREIGN KEY (login) REFERENCES users (login) ON UPDATE CASCADE);
INSERT INTO posts (author, login, title, body, word, at, n) VALUES (1, 'ANN', 'a', 'b', 'café', '2024-02-29 12:30:00.123', 1), (1, 'ann', 'A', NULL, 'CAFÉ', NULL, -8388608), (2, 'bob', 'a ', '', 'x', '2024-02-29 12:30:00.1', NULL);
CREATE TABLE folded (word varchar(20) NOT NULL, lang char(2) NOT NULL, n int, PRIMARY KEY (word, lang));
INSERT INTO folded VALUES ('Rust', 'en', 1), ('go', 'EN', 2), ('go ', 'de', 3);
CREATE TABLE parts (id int NOT NULL, at date NOT NULL, v double, PRIMARY KEY (id, at)) PARTITION BY RANGE (year(at)) (PARTITION p0 VALUES LESS THAN (2024), PARTITION p1 VALUES LESS THAN MAXVALUE);
INSERT INTO parts VALUES (1, '2023-01-01', 1.5), (1, '2024-01-01', 2.5);
CREATE TABLE `odd name; "x"` (`id` int PRIMARY KEY, `from` int, `a``b` int, CONSTRAINT `odd check` CHECK (`from` > 0));
INSERT INTO `odd name; "x"` VALUES (1, 2, 3);
CREATE TABLE shapes (id int PRIMARY KEY, p point, g geometry);
INSERT INTO shapes VALUES (1, ST_GeomFromText('POINT(1 2)'), ST_GeomFromText('LINESTRING(0 0,1 1)')), (2, NULL, NULL);
CREATE SEQUENCE numbers_seq;
CREATE TABLE seqs (id int PRIMARY KEY DEFAULT (NEXT VALUE FOR numbers_seq), n int);
INSERT INTO seqs (n) VALUES (1), (2);
CREATE VIEW authors AS SELECT u.id, u.login, count(p.id) AS n FROM users u LEFT JOIN posts p ON p.author = u.id GROUP BY u.id, u.login
