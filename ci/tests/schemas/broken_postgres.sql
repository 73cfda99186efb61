SET session_replication_role = replica;
INSERT INTO cur VALUES ('AB', 'a'), ('zz', 'z');
INSERT INTO rate (id, cur_code) VALUES (1, 'AB'), (2, 'gone');
CREATE TABLE stamped (id integer PRIMARY KEY, touched integer);
CREATE FUNCTION touched() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.touched := OLD.touched + 1; RETURN NEW; END';
CREATE TRIGGER touch BEFORE UPDATE ON stamped FOR EACH ROW EXECUTE FUNCTION touched();
INSERT INTO stamped VALUES (1, 5);
INSERT INTO base (name) VALUES ('plain');
INSERT INTO derived (id, name, extra) VALUES (1, 'the same key', 1);
SET session_replication_role = DEFAULT
