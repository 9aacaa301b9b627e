import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import scala.collection.Seq;
import scala.reflect.ClassTag;
import scala.reflect.ClassTag$;
import za.co.absa.cobrix.cobol.parser.Copybook;
import za.co.absa.cobrix.cobol.parser.CopybookParser;
import za.co.absa.cobrix.cobol.parser.ast.Group;
import za.co.absa.cobrix.cobol.parser.encoding.EBCDIC$;
import za.co.absa.cobrix.cobol.reader.extractors.record.RecordExtractors;
import za.co.absa.cobrix.cobol.reader.extractors.record.RecordHandler;

/**
 * Cobrix's own record extractor without Spark, as its fixed-length reader calls it: one thread, the file in
 * memory. Arguments: COPYBOOK DATA REPEAT PASSES. Prints records per second of processor time (collector
 * included, compiler threads too), best pass.
 */
public final class CobrixBench {
  /** Keeps a record's values as they come. */
  private static final class Arrays implements RecordHandler<Object[]> {
    @Override
    public Object[] create(Object[] values, Group group) {
      return values;
    }

    @Override
    public Seq<Object> toSeq(Object[] record) {
      return scala.Predef$.MODULE$.genericWrapArray(record);
    }

    @Override
    public void foreach(Object[] record, scala.Function1<Object, scala.runtime.BoxedUnit> each) {
      for (Object value : record) {
        each.apply(value);
      }
    }
  }

  private static long sink;

  public static void main(String[] arguments) throws Exception {
    Copybook copybook = parsed(Files.readString(Path.of(arguments[0])));
    byte[] sample = Files.readAllBytes(Path.of(arguments[1]));
    int repeat = Integer.parseInt(arguments[2]);
    int passes = Integer.parseInt(arguments[3]);
    int length = copybook.getRecordSize();
    if (sample.length % length != 0) {
      throw new IllegalArgumentException(sample.length + " bytes are no multiple of " + length);
    }
    byte[] data = new byte[sample.length * repeat];
    for (int i = 0; i < repeat; i++) {
      System.arraycopy(sample, 0, data, i * sample.length, sample.length);
    }
    OperatingSystemMXBean system = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    int records = data.length / length;
    double best = 0;
    for (int pass = 0; pass < passes; pass++) {
      long start = system.getProcessCpuTime();
      extract(copybook.ast(), data, length, records);
      best = Math.max(best, records * 1e9 / (system.getProcessCpuTime() - start));
    }
    System.out.printf("%.0f%n", best);
    if (sink == 0) {
      throw new IllegalStateException("nothing was decoded");
    }
  }

  private static void extract(Group root, byte[] data, int length, int records) {
    Arrays handler = new Arrays();
    ClassTag<Object[]> tag = ClassTag$.MODULE$.apply(Object[].class);
    scala.Enumeration.Value policy = RecordExtractors.<Object[]>extractRecord$default$4();
    var none = RecordExtractors.<Object[]>extractRecord$default$8();
    for (int i = 0; i < records; i++) {
      sink +=
          RecordExtractors.extractRecord(
                  root, data, i * length, policy, false, false, false, none, 0, i, "", false, "", handler, tag)
              .size();
    }
  }

  /** All of Scala's default arguments, by hand. */
  private static Copybook parsed(String text) {
    return CopybookParser.parse(
        text,
        EBCDIC$.MODULE$,
        CopybookParser.parse$default$3(),
        CopybookParser.parse$default$4(),
        CopybookParser.parse$default$5(),
        CopybookParser.parse$default$6(),
        CopybookParser.parse$default$7(),
        CopybookParser.parse$default$8(),
        CopybookParser.parse$default$9(),
        CopybookParser.parse$default$10(),
        CopybookParser.parse$default$11(),
        CopybookParser.parse$default$12(),
        CopybookParser.parse$default$13(),
        CopybookParser.parse$default$14(),
        CopybookParser.parse$default$15(),
        CopybookParser.parse$default$16(),
        CopybookParser.parse$default$17(),
        CopybookParser.parse$default$18(),
        CopybookParser.parse$default$19(),
        CopybookParser.parse$default$20());
  }
}
