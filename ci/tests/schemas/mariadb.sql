ALTER DATABASE CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;
CREATE TABLE owners (
    id int(10) unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
    email varchar(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci NOT NULL UNIQUE,
    score bigint unsigned,
    kind enum('cat','dog''s') NOT NULL DEFAULT 'cat',
    likes set('fish','meat'),
    is_old tinyint(1),
    is_new bit(1) NOT NULL DEFAULT b'0',
    flags bit(8),
    born year,
    code char(3),
    small tinyint,
    middle mediumint,
    note text,
    data mediumblob,
    seen timestamp NOT NULL DEFAULT current_timestamp() ON UPDATE current_timestamp(),
    born_on date,
    woke time,
    document longtext CHECK (json_valid(document)),
    FULLTEXT KEY note_words (note),
    KEY note_begins (note(10))
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb3 COMMENT = 'Who owns pets';
CREATE TABLE pets (
    id bigint NOT NULL AUTO_INCREMENT PRIMARY KEY,
    owner_id int(10) unsigned DEFAULT NULL,
    owner_email varchar(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci DEFAULT NULL,
    name varchar(20) CHARACTER SET latin1 NOT NULL,
    KEY owner_id (owner_id),
    CONSTRAINT pets_owner FOREIGN KEY (owner_id) REFERENCES owners (id) ON DELETE CASCADE,
    CONSTRAINT pets_email FOREIGN KEY (owner_email) REFERENCES owners (email)
) ENGINE = InnoDB;
CREATE TABLE teams (
    id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
    name varchar(20) NOT NULL,
    hash bigint unsigned NOT NULL DEFAULT 18446744073709551615,
    at datetime,
    changed timestamp(3) NOT NULL DEFAULT current_timestamp(3) ON UPDATE current_timestamp(3),
    len int GENERATED ALWAYS AS (char_length(name)) VIRTUAL
) ENGINE = InnoDB;
CREATE TABLE members (
    team_id bigint unsigned NOT NULL,
    nick char(10) NOT NULL,
    PRIMARY KEY (team_id, nick),
    CONSTRAINT members_team FOREIGN KEY (team_id) REFERENCES teams (id)
) ENGINE = InnoDB;
CREATE TABLE awards (
    id int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
    team_id bigint unsigned,
    nick char(10),
    since bigint unsigned,
    KEY since (since),
    CONSTRAINT awards_member FOREIGN KEY (team_id, nick) REFERENCES members (team_id, nick)
) ENGINE = InnoDB;
CREATE TABLE logs (at datetime DEFAULT NULL, line text) ENGINE = MyISAM;
CREATE VIEW named_pets AS SELECT p.id, p.name, o.email FROM pets p JOIN owners o ON o.id = p.owner_id;
CREATE TABLE gone (id int);
CREATE VIEW broken AS SELECT id FROM gone;
DROP TABLE gone;
CREATE SEQUENCE counter;
CREATE TABLE tickets (id bigint NOT NULL DEFAULT nextval(counter) PRIMARY KEY, title varchar(20) NOT NULL) ENGINE = InnoDB;
CREATE TABLE tokens (id char(36) NOT NULL DEFAULT uuid() PRIMARY KEY, ticket_id bigint, uid uuid NOT NULL DEFAULT uuid(),
    address inet6, words varchar(20) DEFAULT 'it''s a \\ b', n int DEFAULT (1 + 2), hidden int INVISIBLE DEFAULT 5,
    place point, wide bit(64), KEY ticket_id (ticket_id), CONSTRAINT tokens_ticket FOREIGN KEY (ticket_id) REFERENCES tickets (id)) ENGINE = InnoDB