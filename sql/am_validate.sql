-- An operator class is valid when the access method can use it.
SELECT opcname, opcdefault, opcintype::regtype, amvalidate(c.oid)
FROM pg_opclass c JOIN pg_am a ON a.oid = opcmethod
WHERE amname = 'vseg' ORDER BY opcname;
SELECT opcname, amopstrategy, amopopr::regoperator, amoppurpose
FROM pg_opclass c JOIN pg_am a ON a.oid = opcmethod JOIN pg_amop o ON o.amopfamily = c.opcfamily
WHERE amname = 'vseg' ORDER BY opcname, amopstrategy;
SELECT amname, pg_indexam_has_property(a.oid, 'can_order') AS can_order,
       pg_indexam_has_property(a.oid, 'can_unique') AS can_unique,
       pg_indexam_has_property(a.oid, 'can_multi_col') AS can_multi_col,
       pg_indexam_has_property(a.oid, 'can_exclude') AS can_exclude,
       pg_indexam_has_property(a.oid, 'can_include') AS can_include
FROM pg_am a WHERE amname = 'vseg';

-- Bad ones, made by hand.
CREATE OPERATOR CLASS no_function FOR TYPE vector USING vseg AS
  OPERATOR 1 <-> (vector, vector) FOR ORDER BY float_ops;
CREATE OPERATOR CLASS no_operator FOR TYPE vector USING vseg AS
  FUNCTION 1 vseg_l2_support(internal);
CREATE OPERATOR CLASS wrong_strategy FOR TYPE vector USING vseg AS
  OPERATOR 1 <-> (vector, vector) FOR ORDER BY float_ops,
  OPERATOR 2 <+> (vector, vector) FOR ORDER BY float_ops,
  FUNCTION 1 vseg_l2_support(internal);
CREATE OPERATOR CLASS search_operator FOR TYPE vector USING vseg AS
  OPERATOR 1 = (vector, vector) FOR SEARCH,
  FUNCTION 1 vseg_l2_support(internal);
CREATE OPERATOR CLASS wrong_function FOR TYPE vector USING vseg AS
  OPERATOR 1 <-> (vector, vector) FOR ORDER BY float_ops,
  FUNCTION 1 l2_distance(vector, vector);
CREATE FUNCTION int4_distance(int4, int4) RETURNS int4 IMMUTABLE LANGUAGE sql AS 'SELECT abs($1 - $2)';
CREATE OPERATOR <-> (LEFTARG = int4, RIGHTARG = int4, FUNCTION = int4_distance);
CREATE OPERATOR CLASS wrong_result FOR TYPE int4 USING vseg AS
  OPERATOR 1 <-> (int4, int4) FOR ORDER BY integer_ops,
  FUNCTION 1 vseg_l2_support(internal);
CREATE OPERATOR CLASS wrong_result_ordered_as_float FOR TYPE int4 USING vseg AS
  OPERATOR 1 <-> (int4, int4) FOR ORDER BY float_ops,
  FUNCTION 1 vseg_l2_support(internal);
CREATE OPERATOR CLASS wrong_order FOR TYPE vector USING vseg AS
  OPERATOR 1 <-> (vector, vector) FOR ORDER BY integer_ops,
  FUNCTION 1 vseg_l2_support(internal);
SELECT opcname, amvalidate(c.oid)
FROM pg_opclass c JOIN pg_am a ON a.oid = opcmethod
WHERE amname = 'vseg' AND opcname !~ '^vector_' ORDER BY opcname;
-- Support function 2 does not exist.
CREATE OPERATOR CLASS second_function FOR TYPE vector USING vseg AS
  OPERATOR 1 <-> (vector, vector) FOR ORDER BY float_ops,
  FUNCTION 1 vseg_l2_support(internal),
  FUNCTION 2 vseg_l2_support(internal);

DROP OPERATOR FAMILY no_function USING vseg;
DROP OPERATOR FAMILY no_operator USING vseg;
DROP OPERATOR FAMILY wrong_strategy USING vseg;
DROP OPERATOR FAMILY search_operator USING vseg;
DROP OPERATOR FAMILY wrong_function USING vseg;
DROP OPERATOR FAMILY wrong_result USING vseg;
DROP OPERATOR FAMILY wrong_result_ordered_as_float USING vseg;
DROP OPERATOR FAMILY wrong_order USING vseg;
DROP FUNCTION int4_distance CASCADE;
